"""Recall and precision of ``kmigrate check`` on public projects, against a listing that shares no code with it."""
