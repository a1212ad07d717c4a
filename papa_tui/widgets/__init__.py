"""What is drawn, line by line. One widget a file."""
