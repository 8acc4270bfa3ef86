"""What the repository needs and a user does not: it is no part of the wheel."""
