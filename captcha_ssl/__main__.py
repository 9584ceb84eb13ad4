"""Lets `python -m captcha_ssl` and `torchrun -m captcha_ssl` run the program."""

from captcha_ssl.cli.start import main

# Worker processes import this module again; only the first process runs the program.
if __name__ == "__main__":
    main()
