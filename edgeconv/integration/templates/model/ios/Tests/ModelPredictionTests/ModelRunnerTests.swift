import XCTest

@testable import ModelPrediction

/// The way to the model and back, with recorded answers. The model itself is asked in ModelTests,
/// where Core ML is.
final class ModelRunnerTests: XCTestCase {
  func testGoldenVectorsComeThroughAndAWrongOutputIsNoticed() async throws {
    let golden = try Golden.load()
    let right = try await golden.run(ModelRunner(engine: RecordedEngine(golden: golden)))
    XCTAssertEqual(golden.deviations(right), [])
    for spec in Contract.outputs {
      let off = 3 * (golden.tolerance[spec.name] ?? 0) + (spec.ints ? 1 : 0)
      let wrong = RecordedEngine(golden: golden) { outputs in
        let last = outputs[spec.name]?.numbers.last ?? 0
        outputs[spec.name] = outputs[spec.name]?.ending(last + off)
      }
      let found = try await golden.run(ModelRunner(engine: wrong))
      XCTAssertEqual(golden.deviations(found).count, golden.count, spec.name)
    }
  }

  func testTheResultsFileHoldsEveryOutput() async throws {
    let golden = try Golden.load()
    let found = try await golden.run(ModelRunner(engine: RecordedEngine(golden: golden)))
    let data = try golden.results(
      found, device: "a phone", runtime: "a recording", system: "iOS 18")
    let document = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    XCTAssertEqual(document?["format"] as? String, "edgeconv-golden-results")
    let result = (document?["results"] as? [[String: Any]])?.first
    let outputs = result?["outputs"] as? [String: [[Double]]]
    XCTAssertEqual(outputs.map(singles), singles(golden.expected))
    // For edgeconv's own CI, which lets `edgeconv golden check` judge it.
    if let path = ProcessInfo.processInfo.environment["GOLDEN_RESULTS"] {
      try data.write(to: URL(fileURLWithPath: path))
    }
  }

  func testWhatDoesNotFitIsRefused() async throws {
    let golden = try Golden.load()
    for spec in Contract.inputs {
      let right = try XCTUnwrap(golden.inputs(of: 0)[spec.name])
      let other: Tensor = spec.ints ? .floats(.init(repeating: 0, count: spec.count)) : .ints([])
      for wrong in [nil, right.shorter, other] {
        let error = try await refusal(of: spec, wrong)
        guard case .wrongSize(spec.name, _) = error else { return XCTFail("\(error)") }
      }
      if let limits = spec.limits {
        let place = spec.count - 1
        for value in [limits.lowerBound - 1, limits.upperBound + 1] {
          let error = try await refusal(of: spec, right.ending(Double(value)))
          XCTAssertEqual(error, .inputOutOfRange(tensor: spec.name, at: place, value))
        }
      }
      if !spec.ints {
        for value in [Double.nan, -.infinity] {
          let error = try await refusal(of: spec, right.ending(value))
          XCTAssertEqual(error, .inputNotFinite(tensor: spec.name, at: spec.count - 1))
        }
      }
    }
  }

  func testWhatIsNoAnswerIsRefused() async throws {
    for spec in Contract.outputs {
      for change in [{ _ in nil }, { $0?.shorter }] as [@Sendable (Tensor?) -> Tensor?] {
        let error = try await refusal { $0[spec.name] = change($0[spec.name]) }
        guard case .wrongOutput(spec.name, _) = error else { return XCTFail("\(error)") }
      }
      if spec.ints { continue }
      for value in [Double.nan, .infinity] {
        let error = try await refusal { $0[spec.name] = $0[spec.name]?.ending(value) }
        XCTAssertEqual(error, .outputNotFinite(tensor: spec.name, at: spec.count - 1))
      }
    }
  }

  func testAFileWithOtherClassesIsRefused() throws {
    func text(_ labels: [String]) throws -> String {
      String(decoding: try JSONEncoder().encode(["labels": labels]), as: UTF8.self)
    }
    try FileContract.check(text(Contract.labels))
    XCTAssertThrowsError(try FileContract.check(text(Contract.labels + ["another"])))
    XCTAssertThrowsError(try FileContract.check("{}"))
    XCTAssertThrowsError(try FileContract.check(nil))
  }

  private struct NothingRefused: Error {}

  private func singles(_ outputs: [String: [[Double]]]) -> [String: [[Float]]] {
    outputs.mapValues { rows in rows.map { row in row.map(Float.init) } }
  }

  private func refusal(of spec: TensorSpec, _ tensor: Tensor?) async throws -> ModelError {
    let golden = try Golden.load()
    var inputs = golden.inputs(of: 0)
    inputs[spec.name] = tensor
    return try await refusal(RecordedEngine(golden: golden), inputs)
  }

  private func refusal(
    _ change: @escaping @Sendable (inout Tensors) -> Void
  ) async throws -> ModelError {
    let golden = try Golden.load()
    return try await refusal(
      RecordedEngine(golden: golden, change: change), golden.inputs(of: 0))
  }

  private func refusal(_ engine: RecordedEngine, _ inputs: Tensors) async throws -> ModelError {
    do {
      _ = try await ModelRunner(engine: engine).run(inputs)
    } catch let error as ModelError {
      return error
    }
    throw NothingRefused()
  }
}
