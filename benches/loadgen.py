"""Drives a model with MLPerf LoadGen: the other side of benches/loadgen.rs, which starts it.

Reads JSON objects, a line each, and runs LoadGen once for each; the sessions live as long as the process:
  model, inputs ([{name, file, type, shape}, ...]), batch, seconds, scenario ("SingleStream", "Offline"),
  way: "binding" runs with inputs and outputs bound beforehand, "run" as most scripts do (session.run),
       "nothing" answers every query at once: what LoadGen and its Python binding cost by themselves,
  trace (keep every sample), out (the folder of LoadGen's logs).
Prints one JSON object a line for each: onnxruntime (its version), cpu_share (CPU time / wall time from the first
inference to the last), nanos (each inference alone; reading the clock twice costs 0.2 us).
"""

import json
import sys
import time

import mlperf_loadgen as loadgen
import numpy
import onnxruntime

# As inferometer warms a session up whose series is not to begin with it.
WARM_UP_NANOS = 200_000_000
# A session that has run before is warm but for the caches.
AGAIN_NANOS = 50_000_000
WARM_UP_RUNS = 5
# Offline sends all samples at once: so many more than are expected to fill the time, as LoadGen itself has it.
SPARE = 1.1


def main():
    sessions = {}
    for line in sys.stdin:
        asked = json.loads(line)
        key = (asked["model"], asked["batch"], asked["way"] == "run")
        warm_up_nanos = AGAIN_NANOS if key in sessions else WARM_UP_NANOS
        infer = sessions[key] = sessions.get(key) or inference(asked)
        test = settings(asked, warm_up(infer, warm_up_nanos))
        nanos = []
        infer = nothing if asked["way"] == "nothing" else timed(infer, nanos)
        cpu_share = drive(asked, infer, test)
        found = {"onnxruntime": onnxruntime.__version__, "cpu_share": cpu_share, "nanos": nanos}
        print(json.dumps(found), flush=True)


def inference(asked):
    """A function that runs the model once; its inputs are ready before."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(asked["model"], options, providers=["CPUExecutionProvider"])
    feed = {
        port["name"]: numpy.fromfile(port["file"], dtype=port["type"]).reshape(port["shape"])
        for port in asked["inputs"]
    }
    if asked["way"] == "run":
        return lambda: session.run(None, feed)
    binding = session.io_binding()
    for name, values in feed.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(values))
    for output in session.get_outputs():
        binding.bind_output(output.name)
    return lambda: session.run_with_iobinding(binding)


def warm_up(infer, at_least_nanos):
    """Runs until it is warm; the median of one inference, in nanoseconds."""
    nanos = []
    timely = timed(infer, nanos)
    begin = time.perf_counter_ns()
    while len(nanos) < WARM_UP_RUNS or time.perf_counter_ns() - begin < at_least_nanos:
        timely()
    return sorted(nanos)[len(nanos) // 2]


def timed(infer, nanos):
    """The same inference, its time added to `nanos`."""
    clock, add = time.perf_counter_ns, nanos.append

    def run():
        started = clock()
        infer()
        add(clock() - started)

    return run


def nothing(*_):
    pass


def settings(asked, expected_nanos):
    """LoadGen's settings for a run of this length, where an inference takes so long."""
    test = loadgen.TestSettings()
    test.scenario = getattr(loadgen.TestScenario, asked["scenario"])
    test.mode = loadgen.TestMode.PerformanceOnly
    test.min_duration_ms = int(asked["seconds"] * 1000)
    # LoadGen makes its queries beforehand: as for half the latency, so that they do not run out.
    test.single_stream_expected_latency_ns = max(expected_nanos // 2, 1)
    if asked["scenario"] == "Offline":
        # Whole batches: LoadGen sends the larger of this number and rate x duration.
        batches = int(asked["seconds"] * 1e9 * SPARE / expected_nanos) + 1
        test.min_query_count = batches * asked["batch"]
        test.offline_expected_qps = 1
    return test


def drive(asked, infer, test):
    """Runs LoadGen, whose logs are the result; the share of a CPU it had from the first inference to the last."""
    response, complete = loadgen.QuerySampleResponse, loadgen.QuerySamplesComplete
    batch = asked["batch"]
    # CPU and wall time at the first inference and after the last.
    marks = []

    def mark():
        marks.append((time.process_time_ns(), time.perf_counter_ns()))

    def first():
        nonlocal run
        run = infer
        mark()
        infer()

    run = first

    only = response(0, 0, 0)
    answer = [only]

    def one(ids, _indices):
        run()
        only.id = ids[0]
        complete(answer)

    def batches(ids, _indices):
        for start in range(0, len(ids), batch):
            run()
            complete([response(id, 0, 0) for id in ids[start : start + batch]])

    # In SingleStream a query is one inference, whatever its batch. The fast kind of system gets its samples as two
    # lists of numbers, which costs LoadGen's binding the least. LoadGen asks to flush after the last query.
    issue = batches if asked["scenario"] == "Offline" else one
    system = loadgen.ConstructFastSUT(issue, mark)
    library = loadgen.ConstructQSL(64, 64, nothing, nothing)
    output = loadgen.LogOutputSettings()
    output.outdir = asked["out"]
    log = loadgen.LogSettings()
    log.log_output = output
    log.enable_trace = asked["trace"]
    loadgen.StartTestWithLogSettings(system, library, test, log)
    loadgen.DestroyQSL(library)
    loadgen.DestroyFastSUT(system)
    (cpu_before, before), (cpu_after, after) = marks[0], marks[-1]
    return (cpu_after - cpu_before) / (after - before)


main()
