"""What a user can do: one function each, from a frozen request to a frozen result."""
