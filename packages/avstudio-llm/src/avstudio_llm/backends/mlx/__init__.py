"""Language models on MLX: Apple's GPUs, and Linux by its build for CPUs."""
