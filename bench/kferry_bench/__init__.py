"""What bench/mirror and bench/scale are made of."""
