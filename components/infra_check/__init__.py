"""InfraCheck: whether TensorFlow Serving can serve a model, found out in a process that has only TensorFlow."""
