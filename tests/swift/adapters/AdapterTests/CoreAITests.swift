import CoreAI
import Foundation
import XCTest

@testable import SensorRecognition
@testable import SensorStreaming

/// Core AI's adapter against declarations made from Apple's documentation.
final class CoreAITests: XCTestCase {
  private let file = URL(fileURLWithPath: "model.aimodel")

  override func tearDown() {
    Asset.file.metadata = [:]
    Asset.file.answer = nil
    Asset.file.function = "main"
  }

  func testTheOutputsComeInTheOrderOfTheLabels() async throws {
    let values = (0..<Contract.channels.count * Contract.window).map(Float.init)
    Asset.file.metadata = [FileContract.key: .string(try contract())]
    Asset.file.answer = { inputs, options in
      XCTAssertEqual(inputs, [Contract.input: values])
      XCTAssertEqual(options, .cpuOnly)
      return [Contract.output: Contract.labels.indices.map { Float($0) / 8 }]
    }
    let engine = try await CoreAIEngine(contentsOf: file, computeUnits: .cpuOnly)
    let outputs = try await engine.outputs(for: values)
    XCTAssertEqual(outputs, Contract.labels.indices.map { Double($0) / 8 })
    Asset.file.answer = { _, _ in [Contract.output: [1]] }
    await throwsError { try await engine.outputs(for: values) }
    Asset.file.answer = { _, _ in [:] }
    await throwsError { try await engine.outputs(for: values) }
  }

  func testItRunsThePackagesModelWhereTheSystemHasIt() async throws {
    let vectors = try ModelFile.packaged(.newest).test.vectors
    Asset.file.metadata = [FileContract.key: .string(try contract())]
    Asset.file.answer = { inputs, _ in
      let vector = try XCTUnwrap(vectors.first { $0.input == inputs[Contract.input] })
      return [Contract.output: vector.expected.map(Float.init)]
    }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    let model = try ProvenModel(folder: folder, appVersion: "1")
    let classifier = try await model.classifier()
    XCTAssertEqual(classifier.runtime, "Core AI")
    let record = await model.record
    XCTAssertEqual(record?.results.map(\.runtime), ["Core AI, cpuOnly"])
  }

  func testAnotherFileIsRefused() async throws {
    await throwsError { try await CoreAIEngine(contentsOf: self.file, computeUnits: .all) }
    Asset.file.metadata = [FileContract.key: .string("{}")]
    await throwsError { try await CoreAIEngine(contentsOf: self.file, computeUnits: .all) }
    Asset.file.metadata = [FileContract.key: .string(try contract())]
    Asset.file.function = "another"
    await throwsError { try await CoreAIEngine(contentsOf: self.file, computeUnits: .all) }
  }

  func testEveryChoiceOfUnitsIsAnotherOption() {
    XCTAssertEqual(Set(ComputeUnits.allCases.map(\.coreAI)).count, 4)
    XCTAssertEqual(ComputeUnits.cpuOnly.coreAI.allowedComputeUnitKinds, [.cpu])
  }

  private func contract() throws -> String {
    let contract: [String: Any] = [
      "channels": Contract.channels, "labels": Contract.labels, "layout": Contract.layout,
      "rate_hz": Contract.rateHz, "sensor": Contract.sensor, "window": Contract.window,
    ]
    return String(decoding: try JSONSerialization.data(withJSONObject: contract), as: UTF8.self)
  }

  private func throwsError<Value>(_ body: () async throws -> Value) async {
    do {
      _ = try await body()
      XCTFail("no error")
    } catch {
      XCTAssert(error is RecognitionError, "\(error)")
    }
  }
}
