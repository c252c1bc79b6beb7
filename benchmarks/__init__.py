"""How fast kmigrate is, as ratios against named peers on the same files in the same run."""
