"""The unified model: mixture-of-transformers, vision encoder, flow, context, codecs and checkpoints."""
