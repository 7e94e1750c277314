import CoreML
import Foundation
import XCTest

@testable import SensorRecognition
@testable import SensorStreaming

/// Core ML's adapter with a model that answers, fails, or is another one.
final class CoreMLTests: XCTestCase {
  private let window = Window(
    number: 0, segment: 0, endNanoseconds: 0,
    values: .init(repeating: 0.5, count: Contract.channels.count * Contract.window))
  private var answer: [String: Double] = [:]
  private var folder = URL(fileURLWithPath: "/")

  override func setUpWithError() throws {
    answer = Dictionary(
      uniqueKeysWithValues: Contract.labels.enumerated().map { ($1, Double($0) / 8) })
    let answer = answer
    Model.file.classify = { _, _ in [Contract.output: answer] }
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  }

  override func tearDown() {
    Model.file.classify = nil
    Model.file.metadata = nil
    try? FileManager.default.removeItem(at: folder)
  }

  func testTheOutputsAreInTheOrderOfTheLabelsAndOnTheCPU() async throws {
    let answer = answer
    Model.file.classify = { values, units in
      XCTAssertEqual(values.count, Contract.channels.count * Contract.window)
      XCTAssertEqual(values.last, 0.5)
      XCTAssertEqual(units, .cpuOnly)
      return [Contract.output: answer]
    }
    let classifier = try await Classifier.packaged(runtime: .coreML)
    let outputs = try await classifier.outputs(for: window)
    XCTAssertEqual(outputs, Contract.labels.indices.map { Double($0) / 8 })
  }

  func testEveryChoiceOfUnitsReachesCoreML() async throws {
    let answer = answer
    for units in ComputeUnits.allCases {
      Model.file.classify = { _, given in
        XCTAssertEqual(given, units.coreML)
        return [Contract.output: answer]
      }
      _ = try await Classifier.packaged(computeUnits: units, runtime: .coreML).outputs(for: window)
    }
    XCTAssertEqual(Set(ComputeUnits.allCases.map(\.coreML)).count, 4)
  }

  func testNoNumberIsNoAnswerAndDoesNotEndRecognition() async throws {
    var broken = answer
    broken[Contract.labels[0]] = .nan
    let answers = [answer, broken, answer].map { [Contract.output: $0] }
    let classifier = try await Classifier.packaged(runtime: .coreML)
    let recognizer = Recognizer { window in
      Model.file.classify = { _, _ in answers[window.number % 3] }
      return try await classifier.outputs(for: window)
    }
    var given: [Recognition] = []
    let step = Int64(1e9 / Contract.sensorHz)
    for index in 0..<Int64(Contract.window * 20) {
      let sample = Sample(nanoseconds: index * step, x: 0, y: 0, z: 1)
      given += await recognizer.push(sample)
      if given.count == 3 { break }
    }
    XCTAssertEqual(given.count, 3)
    let notFinite = await recognizer.notFiniteOutputs
    XCTAssertEqual(notFinite, 1)
  }

  func testAnotherModelIsRefused() async throws {
    Model.file.metadata = [FileContract.key: "{}"]
    do {
      _ = try await Classifier.packaged(runtime: .coreML)
      XCTFail("opened")
    } catch {
      guard case RecognitionError.wrongModel = error else { return XCTFail("\(error)") }
    }
  }

  func testAModelWithoutAClassIsRefused() async throws {
    Model.file.classify = { _, _ in [Contract.output: [:]] }
    let classifier = try await Classifier.packaged(runtime: .coreML)
    do {
      _ = try await classifier.outputs(for: window)
      XCTFail("answered")
    } catch {
      XCTAssertEqual(error as? RecognitionError, .wrongOutput(Contract.labels[0]))
    }
  }

  func testAFileIsCompiledOnce() async throws {
    let before = Model.file.compiled
    for _ in 0..<3 { _ = try await compiled() }
    XCTAssertEqual(Model.file.compiled - before, 1)
    _ = try await compiled(sha256: "another")
    XCTAssertEqual(Model.file.compiled - before, 2)
    XCTAssertEqual(try kept().count, 2)
  }

  func testWhatAnEarlierSystemCompiledIsRemoved() async throws {
    let old = folder.appendingPathComponent("digest-1.0.0.mlmodelc")
    try FileManager.default.createDirectory(at: old, withIntermediateDirectories: true)
    _ = try await compiled()
    XCTAssertFalse(FileManager.default.fileExists(atPath: old.path))
    XCTAssertEqual(try kept().count, 1)
  }

  private func compiled(sha256: String = "digest") async throws -> URL {
    try await KeptModels(folder: folder).compiled(
      URL(fileURLWithPath: "update.mlpackage"), sha256: sha256)
  }

  private func kept() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path)
  }
}
