"""English intermediate-task training and zero-shot cross-lingual transfer, as text to text."""
