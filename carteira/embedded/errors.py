"""What may stop the embedded servers, each as one sentence for the person at the terminal."""


class EmbeddedError(Exception):
    """The embedded servers cannot start; the message names the place and the cure."""
