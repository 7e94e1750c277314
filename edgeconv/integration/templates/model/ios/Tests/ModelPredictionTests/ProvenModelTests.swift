import Foundation
import XCTest

@testable import ModelPrediction

/// A model on a device that is right, wrong, and wrong on one unit only.
final class ProvenModelTests: XCTestCase {
  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent(UUID().uuidString)
  private let units = ["cpuOnly", "cpuAndGPU"]
  private var device = Device()

  /// What each unit adds to the last number of an output, and how often it was asked.
  private final class Device: @unchecked Sendable {
    var runs: [String: Int] = [:]
    var opened: [String] = []
    var off: [String: [String: Double]] = [:]
    var broken: Set<String> = []
  }

  private struct Broken: Error {}

  override func setUp() { device = Device() }

  override func tearDown() { try? FileManager.default.removeItem(at: folder) }

  func testItIsTestedOnceAndAgainAfterAnUpdateOfTheApp() async throws {
    let runner = try await model().runner()
    let golden = try Golden.load()
    let outputs = try await golden.run(runner)
    XCTAssertEqual(golden.deviations(outputs), [])
    let vectors = try ModelFile.packaged().test.vectors.count
    let measured = 8 * units.count
    let first = device.runs.values.reduce(0, +) - golden.count
    XCTAssertEqual(first, vectors * units.count + measured)
    XCTAssertLessThan(first - measured, 50)
    _ = try await model().runner()
    XCTAssertEqual(device.runs.values.reduce(0, +) - golden.count, first)
    _ = try await model(app: "1.1").runner()
    XCTAssertEqual(device.runs.values.reduce(0, +) - golden.count, 2 * first)
  }

  func testTheRecordIsAResultsFile() async throws {
    let model = try model()
    _ = try await model.runner()
    let record = try XCTUnwrap(SelfTestRecord(contentsOf: model.recordURL))
    XCTAssertEqual(record.passing(units), units)
    XCTAssertEqual(record.chosen, "cpuOnly")
    XCTAssertEqual(record.key.modelSha256, Contract.sha256)
    // For edgeconv's own CI, which lets `edgeconv golden check` judge it.
    if let path = ProcessInfo.processInfo.environment["MODEL_RECORD"] {
      try Data(contentsOf: model.recordURL).write(to: URL(fileURLWithPath: path))
    }
  }

  func testAUnitThatIsWrongInAnyOutputIsNotUsedAgain() async throws {
    let golden = try Golden.load()
    for spec in Contract.outputs {
      try? FileManager.default.removeItem(at: folder)
      let tolerance = try XCTUnwrap(golden.tolerance[spec.name])
      device.off = ["cpuAndGPU": [spec.name: 1.1 * tolerance + (spec.ints ? 1 : 0)]]
      let model = try model()
      let runner = try await model.runner()
      let outputs = try await golden.run(runner)
      XCTAssertEqual(golden.deviations(outputs), [])
      let record = await model.record
      XCTAssertEqual(record?.passing(units), ["cpuOnly"], spec.name)
      XCTAssertEqual(record?.result(of: "cpuAndGPU")?.status, .failed, spec.name)
      let largest = try XCTUnwrap(record?.result(of: "cpuAndGPU")?.largest)
      XCTAssertGreaterThan(largest, try ModelFile.packaged().test.tolerance)
      device.opened = []
      _ = try await self.model().runner()
      XCTAssertEqual(device.opened, ["cpuOnly"], spec.name)
    }
  }

  func testASmallDifferencePasses() async throws {
    let golden = try Golden.load()
    let floats = Contract.outputs.filter { !$0.ints }
    device.off["cpuAndGPU"] = Dictionary(
      uniqueKeysWithValues: floats.map { ($0.name, (golden.tolerance[$0.name] ?? 0) / 2) })
    let model = try model()
    _ = try await model.runner()
    let record = await model.record
    XCTAssertEqual(record?.passing(units), units)
  }

  func testAModelThatIsWrongEverywhereIsNoModel() async throws {
    let name = Contract.outputs[0].name
    device.off = ["cpuOnly": [name: 9e9], "cpuAndGPU": [name: .nan]]
    if Contract.outputs[0].ints { device.off["cpuAndGPU"] = [name: 9e8] }
    do {
      _ = try await model().runner()
      XCTFail("opened")
    } catch ModelError.noUnitPassed(let record) {
      XCTAssertEqual(record.results.map(\.status), [.failed, .failed])
      XCTAssertNil(record.chosen)
    }
  }

  func testAUnitThatThrowsIsAnError() async throws {
    device.broken = ["cpuAndGPU"]
    let model = try model()
    _ = try await model.runner()
    let record = await model.record
    XCTAssertEqual(record?.result(of: "cpuAndGPU")?.status, .error)
    XCTAssertEqual(record?.chosen, "cpuOnly")
  }

  func testAVectorOfAnotherSizeIsNoTest() async throws {
    let engine = RecordedEngine(golden: try Golden.load())
    let vector = try XCTUnwrap(ModelFile.packaged().test.vectors.first)
    let outputs = try await engine.outputs(for: vector.input)
    XCTAssertEqual(outputs.map(Float.init), vector.expected.map(Float.init))
    for wrong in [vector.input + [0], Array(vector.input.dropLast())] {
      do {
        _ = try await engine.outputs(for: wrong)
        XCTFail("\(wrong.count) numbers were taken")
      } catch is ModelError {}
    }
  }

  private func model(app: String = "1.0") throws -> ProvenModel {
    let (device, golden) = (self.device, try Golden.load())
    return try ProvenModel(
      units: units, folder: folder, appVersion: app, own: ModelFile.packaged()
    ) { _, unit in
      device.opened.append(unit)
      return RecordedEngine(golden: golden) { outputs in
        device.runs[unit, default: 0] += 1
        for (name, off) in device.off[unit] ?? [:] {
          outputs[name] = outputs[name]?.ending((outputs[name]?.numbers.last ?? 0) + off)
        }
      } broken: {
        if device.broken.contains(unit) { throw Broken() }
      }
    }
  }
}
