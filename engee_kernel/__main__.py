"""`python -m engee_kernel -f CONNECTION_FILE`: what kernel.json starts."""

from .application import main

if __name__ == "__main__":
    main()
