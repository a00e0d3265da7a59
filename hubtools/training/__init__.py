"""From a corpus to a trained, evaluated and saved model."""
