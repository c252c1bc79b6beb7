"""kmigrate: flag, rewrite and prove direct engine use in Keras layer code."""

__version__ = "0.1.0"
