//! Reads a model from disk: the ONNX file and the external data beside it.
