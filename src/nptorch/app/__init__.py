"""What the commands do: train, test, show."""
