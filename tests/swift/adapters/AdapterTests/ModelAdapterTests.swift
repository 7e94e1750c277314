import CoreML
import Foundation
import XCTest

@testable import ModelPrediction

/// Core ML's adapter of a model of named tensors, on the golden vectors.
final class ModelAdapterTests: XCTestCase {
  override func setUpWithError() throws {
    func features(_ specs: [TensorSpec]) -> [String: Model.Feature] {
      Dictionary(
        uniqueKeysWithValues: specs.map { ($0.name, .init(shape: $0.shape, ints: $0.ints)) })
    }
    Model.file.inputs = features(Contract.inputs)
    Model.file.outputs = features(Contract.outputs)
    Model.file.metadata = [FileContract.key: try labels(Contract.labels)]
    let golden = try golden()
    Model.file.run = { provider in
      var inputs = Tensors()
      for spec in Contract.inputs {
        let array = try XCTUnwrap(provider.featureValue(for: spec.name)?.multiArrayValue)
        inputs[spec.name] =
          spec.ints
          ? .ints(MLShapedArray<Int32>(converting: array).scalars)
          : .floats(MLShapedArray<Float>(converting: array).scalars)
      }
      let vector = try XCTUnwrap((0..<golden.count).first { golden.inputs(of: $0) == inputs })
      return try golden.expected(of: vector).mapValues(Self.array)
    }
  }

  override func tearDown() {
    Model.file.inputs = [:]
    Model.file.outputs = [:]
    Model.file.metadata = nil
    Model.file.run = nil
  }

  func testEveryGoldenVectorOnEveryComputeUnit() async throws {
    let golden = try golden()
    for units in ComputeUnits.allCases {
      let runner = try await ModelRunner.packaged(computeUnits: units)
      XCTAssertEqual(runner.runtime, "Core ML")
      let outputs = try await golden.run(runner)
      XCTAssertEqual(golden.deviations(outputs), [], units.rawValue)
    }
  }

  func testAnotherFileIsRefused() async throws {
    Model.file.metadata = [FileContract.key: try labels(["another"])]
    await refuses()
    Model.file.metadata = [FileContract.key: try labels(Contract.labels)]
    Model.file.inputs[Contract.inputs[0].name] = .init(shape: [1, 999], ints: false)
    await refuses()
    Model.file.inputs = [:]
    await refuses()
  }

  private func refuses() async {
    do {
      _ = try await ModelRunner.packaged()
      XCTFail("opened")
    } catch {
      guard case ModelError.wrongModel = error else { return XCTFail("\(error)") }
    }
  }

  private func labels(_ labels: [String]) throws -> String {
    String(decoding: try JSONEncoder().encode(["labels": labels]), as: UTF8.self)
  }

  private func golden() throws -> Golden {
    try Golden(
      Data(
        contentsOf: URL(
          fileURLWithPath: "model/Tests/ModelPredictionTests/Resources/golden.json")))
  }

  private static func array(_ tensor: Tensor) throws -> MLMultiArray {
    let shape = [NSNumber(value: tensor.count)]
    switch tensor {
    case .floats(let values):
      let array = try MLMultiArray(shape: shape, dataType: .float32)
      array.withUnsafeMutableBufferPointer(ofType: Float.self) { place, _ in
        for (index, value) in values.enumerated() { place[index] = value }
      }
      return array
    case .ints(let values):
      let array = try MLMultiArray(shape: shape, dataType: .int32)
      array.withUnsafeMutableBufferPointer(ofType: Int32.self) { place, _ in
        for (index, value) in values.enumerated() { place[index] = value }
      }
      return array
    }
  }
}
