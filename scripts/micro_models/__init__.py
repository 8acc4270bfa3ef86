"""How the shipped micro models are made: `python -m scripts.micro_models --output DIR`."""
