//! Reading ONNX files.
