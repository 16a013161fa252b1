"""The results folder: a contract that other people's scripts read."""
