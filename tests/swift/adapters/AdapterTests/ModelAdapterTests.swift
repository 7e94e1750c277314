import CoreAI
import CoreML
import Foundation
import XCTest

@testable import ModelPrediction

/// The adapters of a model of named tensors, on the golden vectors.
final class ModelAdapterTests: XCTestCase {
  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent(UUID().uuidString)

  override func setUpWithError() throws {
    func features(_ specs: [TensorSpec]) -> [String: Model.Feature] {
      Dictionary(
        uniqueKeysWithValues: specs.map { ($0.name, .init(shape: $0.shape, ints: $0.ints)) })
    }
    Model.file.inputs = features(Contract.inputs)
    Model.file.outputs = features(Contract.outputs)
    Model.file.metadata = [FileContract.key: try labels(Contract.labels)]
    let golden = try golden()
    Model.file.run = { provider, units in
      var inputs = Tensors()
      for spec in Contract.inputs {
        let array = try XCTUnwrap(provider.featureValue(for: spec.name)?.multiArrayValue)
        inputs[spec.name] =
          spec.ints
          ? .ints(MLShapedArray<Int32>(converting: array).scalars)
          : .floats(MLShapedArray<Float>(converting: array).scalars)
      }
      let vector = try XCTUnwrap((0..<golden.count).first { golden.inputs(of: $0) == inputs })
      return try golden.expected(of: vector).mapValues { tensor in
        try Self.array(units == .cpuAndGPU ? .floats(tensor.numbers.map { _ in 0 }) : tensor)
      }
    }
  }

  override func tearDown() {
    Model.file.inputs = [:]
    Model.file.outputs = [:]
    Model.file.metadata = nil
    Model.file.run = nil
    Asset.file.metadata = [:]
    Asset.file.answer = nil
    try? FileManager.default.removeItem(at: folder)
  }

  func testEveryGoldenVectorOnEveryComputeUnit() async throws {
    let golden = try golden()
    for units in ComputeUnits.allCases where units != .cpuAndGPU {
      let runner = try await ModelRunner.packaged(computeUnits: units, runtime: .coreML)
      XCTAssertEqual(runner.runtime, "Core ML")
      let outputs = try await golden.run(runner)
      XCTAssertEqual(golden.deviations(outputs), [], units.rawValue)
    }
  }

  func testAUnitThatIsWrongIsNotUsed() async throws {
    let model = try model()
    let golden = try golden()
    let outputs = try await golden.run(model.runner())
    XCTAssertEqual(golden.deviations(outputs), [])
    let record = await model.record
    XCTAssertEqual(record?.results.map(\.status), [.passed, .failed])
    XCTAssertEqual(record?.chosen, "cpuOnly")
  }

  func testAnUpdateIsInstalledAndUsedAndAReplayIsRefused() async throws {
    let model = try model()
    let version = try await model.install(URL(fileURLWithPath: "updates-model/ios"))
    XCTAssertEqual(version, 3)
    let opened = Model.file.opened.count
    let golden = try golden()
    let outputs = try await golden.run(try self.model().runner())
    XCTAssertEqual(golden.deviations(outputs), [])
    let path = try XCTUnwrap(Model.file.opened[opened...].last).path
    XCTAssert(path.contains("/compiled/"), path)
    await refuses(model, "updates-model/ios", .notNewer)
    await refuses(model, "updates/right", .wrongSignature)
  }

  func testCoreAIRunsItWhereTheSystemHasIt() async throws {
    Asset.file.metadata = [FileContract.key: .string(try labels(Contract.labels))]
    let golden = try golden()
    Asset.file.answer = { inputs, _ in
      let flat = Contract.inputs.map { inputs[$0.name] ?? [] }
      let vector = try XCTUnwrap(
        (0..<golden.count).first { place in
          flat
            == Contract.inputs.map {
              golden.inputs(of: place)[$0.name]?.numbers.map(Float.init) ?? []
            }
        })
      return golden.expected(of: vector).mapValues { $0.numbers.map(Float.init) }
    }
    let model = try ProvenModel(folder: folder, appVersion: "1")
    let runner = try await model.runner()
    XCTAssertEqual(runner.runtime, "Core AI")
    let outputs = try await golden.run(runner)
    XCTAssertEqual(golden.deviations(outputs), [])
    let record = await model.record
    XCTAssertEqual(record?.results.map(\.runtime), ["Core AI, cpuOnly"])
    Asset.file.metadata = [FileContract.key: .string(try labels(["another"]))]
    await refuses()
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

  private func model() throws -> ProvenModel {
    try ProvenModel(
      units: [.cpuOnly, .cpuAndGPU], runtime: .coreML, folder: folder, appVersion: "1.0")
  }

  private func refuses(_ model: ProvenModel, _ place: String, _ reason: UpdateRefusal) async {
    do {
      try await model.install(URL(fileURLWithPath: place))
      XCTFail("\(place) was installed")
    } catch {
      XCTAssertEqual((error as? RefusedUpdate)?.reason, reason, place)
    }
  }

  private func refuses() async {
    do {
      _ = try await ModelRunner.packaged(runtime: Asset.file.answer == nil ? .coreML : .newest)
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
