//! Reading ONNX files: real models against numbers found by other programs, and files that are broken.
//!
//! The numbers of real models come from Python's `onnx` 1.23.2 (operators, dimensions, elements of stored tensors)
//! and from running each model in ONNX Runtime with every intermediate value as an output and multiplying out the
//! shapes that came back (operations of `Conv`, `MatMul`… at the sizes named here).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use inferometer::measure::model_file::{self, ModelFileError};
use inferometer::model::onnx::{ExternalProblem, ModelError};
use inferometer::model::proto::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    ValueInfoProto,
};
use inferometer::model::{Dim, ElementType, Model};
use prost::Message;

use crate::wheels;

fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn read(path: &Path) -> Model {
    model_file::read(path).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn text_detection_model_is_read_as_other_tools_read_it() {
    let model = read(&wheels::rapidocr().join("ch_PP-OCRv4_det_infer.onnx"));
    // sha256sum and stat.
    assert_eq!(model.sha256, "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9");
    assert_eq!(model.file_bytes, 4_745_517);
    assert_eq!(model.opset, [(String::new(), 12)].into());
    assert_eq!(model.ir_version, 8);
    let operators = counts(&[
        ("Add", 89),
        ("BatchNormalization", 3),
        ("Clip", 24),
        ("Concat", 1),
        ("Constant", 342),
        ("Conv", 62),
        ("ConvTranspose", 2),
        ("Div", 24),
        ("GlobalAveragePool", 10),
        ("HardSigmoid", 10),
        ("Mul", 86),
        ("Relu", 12),
        ("Resize", 6),
        ("Sigmoid", 1),
    ]);
    assert_eq!(model.operators, operators);
    // No initializers: the weights are in Constant nodes, 1,171,640 float elements in tensors of more than one
    // element, of which 6 × 4 are the factors of the six Resize nodes.
    assert_eq!(model.parameters, 1_171_616);
    assert_eq!(model.bytes_by_precision, counts(&[("float32", 4 * 1_171_616)]));
    let input = &model.inputs[0];
    assert_eq!(
        (input.name.as_str(), input.element, input.shape[1].clone()),
        ("x", ElementType::Float32, Dim::Fixed(3))
    );
    assert_eq!(input.shape[0], Dim::Named("p2o.DynamicDimension.0".to_owned()));
    // ONNX Runtime at 1×3×224×224.
    let flops = &model.flops;
    assert_eq!(
        flops.assumed,
        counts(&[
            ("p2o.DynamicDimension.0", 1),
            ("p2o.DynamicDimension.1", 224),
            ("p2o.DynamicDimension.2", 224)
        ])
    );
    assert_eq!(flops.uncounted, BTreeMap::new());
    for (operator, expected) in [
        ("Conv", 549_306_264),
        ("ConvTranspose", 16_859_136),
        ("BatchNormalization", 1_154_048),
        ("Mul", 5_943_896),
        ("Add", 6_662_040),
        ("GlobalAveragePool", 528_024),
        ("Sigmoid", 50_176),
    ] {
        assert_eq!(flops.by_operator[operator], expected, "{operator}");
    }
    assert_eq!(flops.total, Some(flops.by_operator.values().sum()));
}

#[test]
fn text_recognition_model_is_counted_at_the_one_height_it_accepts() {
    let model = read(&wheels::rapidocr().join("ch_PP-OCRv4_rec_infer.onnx"));
    assert_eq!(model.sha256, "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b");
    assert_eq!(model.operators.values().sum::<u64>(), 860);
    assert_eq!((model.operators["Conv"], model.operators["MatMul"]), (38, 13));
    assert_eq!(model.parameters, 2_690_109);
    assert_eq!(model.outputs[0].shape[2], Dim::Fixed(6625));
    // ONNX Runtime fails at 224×224 ("cannot be reshaped") and runs at 48×224.
    assert_eq!(model.flops.assumed["x.2"], 48);
    for (operator, expected) in [
        ("Conv", 928_804_740),
        ("MatMul", 58_175_040),
        ("Softmax", 990_220),
        ("Mul", 11_612_832),
        ("Div", 3_774_624),
    ] {
        assert_eq!(model.flops.by_operator[operator], expected, "{operator}");
    }
}

#[test]
fn text_direction_model_with_unnamed_dimensions_is_read() {
    let model = read(&wheels::rapidocr().join("ch_ppocr_mobile_v2.0_cls_infer.onnx"));
    assert_eq!(model.sha256, "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c");
    // The file says −1, 3, "?" and "?".
    assert_eq!(model.inputs[0].shape, [Dim::Unknown, Dim::Fixed(3), Dim::Unknown, Dim::Unknown]);
    assert_eq!(model.operators.values().sum::<u64>(), 566);
    assert_eq!(model.parameters, 133_628);
    assert_eq!(model.opset[""], 11);
    assert_eq!(model.producer, "PaddlePaddle");
    assert_eq!(model.flops.by_operator["Conv"], 152_106_944);
    assert_eq!(model.flops.by_operator["BatchNormalization"], 5_970_944);
    assert_eq!(model.flops.assumed, counts(&[("x.0", 1), ("x.2", 224), ("x.3", 224)]));
}

#[test]
fn voice_model_with_nested_branches_is_counted_whole() {
    let model = read(&wheels::silero().join("silero_vad.onnx"));
    assert_eq!(model.sha256, "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3");
    // 5 nodes in the graph, the others in the branches of 25 If nodes.
    assert_eq!(model.operators.values().sum::<u64>(), 689);
    for (operator, nodes) in [("If", 25), ("Conv", 12), ("LSTM", 4), ("Constant", 341), ("Slice", 60)] {
        assert_eq!(model.operators[operator], nodes, "{operator}");
    }
    let shapes: Vec<_> =
        model.inputs.iter().map(|input| (input.name.as_str(), input.shape.clone())).collect();
    assert_eq!(
        shapes,
        [
            ("input", vec![Dim::Unknown, Dim::Unknown]),
            ("state", vec![Dim::Fixed(2), Dim::Unknown, Dim::Fixed(128)]),
            ("sr", vec![]),
        ]
    );
    assert_eq!(model.inputs[2].element, ElementType::Int64);
    // The costlier branch (16 kHz), the same network as silero_vad_half.onnx, in ONNX Runtime at 1×512.
    assert_eq!(model.flops.by_operator["Conv"], 866_497);
    assert_eq!(model.flops.uncounted, BTreeMap::new());
    // One LSTM step of 128 features and 128 hidden: 8·128·256 products, 8·128 biases, 9·128 pointwise.
    assert_eq!(model.flops.by_operator["LSTM"], 264_320);
}

#[test]
fn voice_model_with_initializers_is_weighed_by_precision() {
    let model = read(&wheels::silero().join("silero_vad_op18_ifless.onnx"));
    assert_eq!(model.bytes_by_precision, counts(&[("float32", 2_182_684), ("int64", 144)]));
    assert_eq!(model.weight_bytes, 2_182_828);
    assert_eq!(model.opset[""], 18);
    assert_eq!(model.producer, "pytorch 2.9.0+cu126");
    let steps = read(&wheels::silero().join("silero_vad_16k_sequence.onnx"));
    assert_eq!(steps.parameters, 309_633);
    // ONNX Runtime with 128 windows of 576 samples.
    assert_eq!(steps.flops.assumed, counts(&[("sequence_length", 128)]));
    assert_eq!(steps.flops.by_operator["Conv"], 157_425_792);
    assert_eq!(steps.flops.by_operator["LSTM"], 33_832_960);
    let fixed = read(&wheels::silero().join("silero_vad_openvino_16k.onnx"));
    assert_eq!((fixed.flops.by_operator["Conv"], fixed.flops.by_operator["LSTM"]), (1_097_793, 264_320));
    assert_eq!(fixed.flops.assumed, BTreeMap::new());
}

#[test]
fn a_real_model_cut_anywhere_is_an_error_that_says_so() {
    let whole = fs::read(wheels::silero().join("silero_vad_half.onnx")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.onnx");
    for sixteenth in 0..16 {
        let length = whole.len() * sixteenth / 16;
        fs::write(&path, &whole[..length]).unwrap();
        let message = model_file::read(&path).unwrap_err().to_string();
        let expected = if length == 0 { "the file is empty" } else { "cut short" };
        assert!(message.contains(expected), "{length} bytes: {message}");
        assert!(message.ends_with(&path.display().to_string()), "{message}");
    }
}

#[test]
fn a_real_model_with_damaged_bytes_never_panics() {
    let whole = fs::read(wheels::silero().join("silero_vad_half.onnx")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.onnx");
    // The graph's structure lies in the first and last parts; weights in between.
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    for round in 0..200 {
        let mut damaged = whole.clone();
        for _ in 0..8 {
            // xorshift64 (Marsaglia 2003).
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let place = state as usize % if round % 2 == 0 { 4096 } else { damaged.len() };
            damaged[place] = (state >> 32) as u8;
        }
        fs::write(&path, &damaged).unwrap();
        // Either is right: many bytes are weights. What must not happen is a panic or a hang.
        drop(model_file::read(&path));
    }
}

#[test]
fn files_of_other_kinds_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (bytes, expected) in [
        (&b"<!DOCTYPE html><html><body>Not found</body></html>"[..], "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n", "git lfs pull"),
        (b"{\"model\": 1}", "a text file"),
        (b"PK\x03\x04\x14\x00\x00\x00", "a zip archive"),
        (b"\x00\xFF\x00\xFF\x00\xFF", "not an ONNX model"),
    ] {
        let path = folder.path().join("m.onnx");
        fs::write(&path, bytes).unwrap();
        let message = model_file::read(&path).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let message = model_file::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("this is a folder"), "{message}");
    let missing = folder.path().join("absent.onnx");
    assert!(matches!(model_file::read(&missing), Err(ModelFileError::Unreadable { .. })));
}

#[cfg(unix)]
#[test]
fn a_file_beyond_two_gigabytes_is_refused_without_reading_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.onnx");
    // A hole: no bytes on disk.
    fs::File::create(&path).unwrap().set_len(1 << 31).unwrap();
    let message = model_file::read(&path).unwrap_err().to_string();
    assert!(message.contains("2147483648 bytes") && message.contains("external data"), "{message}");
}

/// One Identity and a float32 weight of `elements` elements kept in `location`.
fn external_model(elements: i64, location: &str, extra: &[(&str, &str)]) -> Vec<u8> {
    let entry =
        |key: &str, value: &str| StringStringEntryProto { key: key.to_owned(), value: value.to_owned() };
    let mut external_data = vec![entry("location", location)];
    external_data.extend(extra.iter().map(|(key, value)| entry(key, value)));
    let weight = TensorProto {
        name: "w".to_owned(),
        dims: vec![elements],
        data_type: 1,
        data_location: 1,
        external_data,
        ..TensorProto::default()
    };
    let graph = GraphProto {
        node: vec![NodeProto {
            op_type: "Identity".to_owned(),
            input: vec!["w".to_owned()],
            output: vec!["y".to_owned()],
            ..NodeProto::default()
        }],
        initializer: vec![weight],
        output: vec![ValueInfoProto { name: "y".to_owned(), r#type: None }],
        ..GraphProto::default()
    };
    let model = ModelProto {
        ir_version: 10,
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 21 }],
        ..ModelProto::default()
    };
    model.encode_to_vec()
}

fn external_problem(path: &Path) -> ExternalProblem {
    match model_file::read(path) {
        Err(ModelFileError::Model { source: ModelError::External { problem, .. }, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn external_data_is_weighed_and_part_of_the_identity() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    let bytes = external_model(3, "weights/m.bin", &[("offset", "4"), ("length", "12")]);
    fs::write(&path, &bytes).unwrap();
    fs::create_dir(folder.path().join("weights")).unwrap();
    let data = folder.path().join("weights/m.bin");
    fs::write(&data, [7; 16]).unwrap();
    let model = read(&path);
    assert_eq!((model.parameters, model.weight_bytes, model.file_bytes), (3, 12, bytes.len() as u64));
    let both = folder.path().join("both");
    fs::write(&both, [&bytes[..], &[7; 16]].concat()).unwrap();
    assert_eq!(model.sha256, sha256(&both));
    fs::write(&data, [8; 16]).unwrap();
    assert_ne!(read(&path).sha256, model.sha256);
}

fn sha256(path: &Path) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(fs::read(path).unwrap());
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from_digit(digit.into(), 16).unwrap())
        .collect()
}

#[test]
fn external_data_outside_the_folder_is_refused() {
    let outer = tempfile::tempdir().unwrap();
    fs::write(outer.path().join("secret.bin"), [0; 64]).unwrap();
    let folder = outer.path().join("model");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("m.onnx");
    let absolute = outer.path().join("secret.bin").display().to_string();
    for location in
        ["../secret.bin", "a/../../secret.bin", "..\\secret.bin", "C:\\secret.bin", absolute.as_str()]
    {
        fs::write(&path, external_model(3, location, &[])).unwrap();
        assert_eq!(external_problem(&path), ExternalProblem::Outside, "{location}");
        let message = model_file::read(&path).unwrap_err().to_string();
        assert!(message.contains(location) && message.contains("initializer `w`"), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_of_the_folder_is_refused() {
    let outer = tempfile::tempdir().unwrap();
    fs::write(outer.path().join("secret.bin"), [0; 64]).unwrap();
    let folder = outer.path().join("model");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(outer.path().join("secret.bin"), folder.join("w.bin")).unwrap();
    fs::write(folder.join("m.onnx"), external_model(3, "w.bin", &[])).unwrap();
    assert_eq!(external_problem(&folder.join("m.onnx")), ExternalProblem::Outside);
}

#[test]
fn external_data_that_is_not_whole_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    fs::write(folder.path().join("short.bin"), [0; 11]).unwrap();
    for (location, extra, expected) in [
        ("absent.bin", vec![], ExternalProblem::Missing),
        ("short.bin", vec![], ExternalProblem::Short { offset: 0, length: 12, file_bytes: 11 }),
        (
            "short.bin",
            vec![("offset", "18446744073709551615")],
            ExternalProblem::Short { offset: u64::MAX, length: 12, file_bytes: 11 },
        ),
        ("short.bin", vec![("length", "8")], ExternalProblem::WrongLength { needed: 12, said: 8 }),
        (
            "short.bin",
            vec![("offset", "four")],
            ExternalProblem::BadNumber { key: "offset".to_owned(), text: "four".to_owned() },
        ),
        ("", vec![], ExternalProblem::NoLocation),
    ] {
        fs::write(&path, external_model(3, location, &extra)).unwrap();
        assert_eq!(external_problem(&path), expected);
    }
}
