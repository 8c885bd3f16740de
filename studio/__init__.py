"""R3 Studio: a designer and a model make a picture together by Reason, Reflect, Refine."""

__version__ = "0.1.0"
