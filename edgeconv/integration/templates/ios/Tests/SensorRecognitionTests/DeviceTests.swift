import Foundation
import XCTest

@testable import SensorRecognition
@testable import SensorStreaming

/// Everything of `device.json`: what the reference does where a model is on a device.
final class DeviceTests: XCTestCase {
  func testSelfTests() async throws {
    for test in try DeviceVectors.load().selfTest.tests {
      let log = Runs()
      let selfTest = SelfTest(
        tolerance: test.tolerance,
        vectors: test.vectors.map { SelfTest.Vector(vector: $0.vector, expected: $0.expected) })
      let record = await selfTest.run(
        on: test.units, key: test.key.key, before: test.record?.record, keep: { _ in },
        open: { unit in
          log.opened.append(unit)
          let stub = try XCTUnwrap(test.stubs[unit], test.name)
          if let message = stub.error { throw Message(errorDescription: message) }
          return StubEngine(outputs: try XCTUnwrap(stub.outputs), log: log)
        })
      let expected = test.expected
      XCTAssertEqual(log.inferences, expected.runs, test.name)
      XCTAssertEqual(log.opened, expected.opened, test.name)
      XCTAssertEqual(record.passing(test.units), expected.passing, test.name)
      XCTAssertEqual(record.passing(test.units).isEmpty, expected.error != nil, test.name)
      XCTAssertEqual(Set(record.results.map(\.unit)), Set(expected.units.keys), test.name)
      for (unit, wanted) in expected.units {
        let result = record.result(of: unit)
        XCTAssertEqual(result?.status.rawValue, wanted.status, "\(test.name), \(unit)")
        XCTAssertEqual(result?.largest, wanted.largest, "\(test.name), \(unit)")
        XCTAssertEqual(result?.errors, wanted.errors, "\(test.name), \(unit)")
      }
    }
  }

  func testTheChoiceOfTheUnit() async throws {
    for test in try DeviceVectors.load().choice.tests {
      let times = test.timesMs.filter { test.passing.contains($0.key) }
      let choice = SelfTest.choose(test.units, times: times)
      XCTAssertEqual(choice.chosen, test.expected.chosen, test.name)
      XCTAssertEqual(choice.medians, test.expected.medianMs, test.name)
    }
  }

  func testARecordReadsBackAsItWasWritten() throws {
    for test in try DeviceVectors.load().selfTest.tests {
      guard let record = test.record?.record else { continue }
      let selfTest = SelfTest(tolerance: test.tolerance, vectors: [])
      let data = try record.json(test: selfTest, device: "a phone")
      XCTAssertEqual(SelfTestRecord(json: data), record, test.name)
      let text = String(decoding: data, as: UTF8.self)
      XCTAssert(text.contains("\"format\":\"edgeconv-golden-results\""), text)
      XCTAssert(text.contains("\"chosen\":null"), text)
    }
    XCTAssertNil(SelfTestRecord(json: Data("{}".utf8)))
  }

  #if canImport(CryptoKit)
    func testUpdates() throws {
      let updates = try DeviceVectors.load().updates
      XCTAssertFalse(updates.tests.isEmpty)
      for test in updates.tests {
        let installed = test.installed
        let check = UpdateCheck(
          name: installed.name, contractSha256: installed.contractSha256,
          floor: installed.floor, appVersion: installed.appVersion,
          publicKey: installed.publicKey)
        let expected = test.expected
        do {
          let manifest = try check.manifest { test.files[$0].flatMap { Data(base64Encoded: $0) } }
          guard test.selfTestPasses else { throw RefusedUpdate(.selfTestFailed) }
          XCTAssertEqual(manifest.version, expected.version, test.name)
          XCTAssert(expected.accepted, test.name)
        } catch let refused as RefusedUpdate {
          XCTAssertEqual(refused.reason.rawValue, expected.reason, test.name)
        }
      }
    }

    func testVersionsOfApps() throws {
      for each in try DeviceVectors.load().appVersions {
        XCTAssertEqual(UpdateCheck.isBefore(each.a, each.b), each.order < 0, each.a + " " + each.b)
        XCTAssertEqual(UpdateCheck.isBefore(each.b, each.a), each.order > 0, each.a + " " + each.b)
      }
    }
  #endif

  func testDecisions() throws {
    for test in try DeviceVectors.load().decisions {
      var decider = Decider(
        logits: test.logits, alpha: test.alpha, hysteresis: test.hysteresis,
        unsureBelow: test.unsureBelow)
      for update in test.updates {
        let decision = decider.update(
          segment: update.segment, outputs: update.outputs.map { $0 ?? .nan })
        XCTAssertEqual(decision?.candidate, update.candidate, test.name)
        XCTAssertEqual(
          decision.flatMap { $0.isUnsure ? nil : $0.candidate }, update.label, test.name)
        XCTAssert(
          agree(decision?.probabilities ?? [], update.probabilities ?? [], within: 1e-9), test.name)
      }
    }
  }

  func testStreams() throws {
    for test in try DeviceVectors.load().streams {
      let further = Contract.sensors.dropFirst().map {
        SensorSettings(kind: $0.kind, sensorHz: test.sensorHz, factor: test.factor)
      }
      var stream = SensorStream(
        settings: StreamSettings(
          sensorHz: test.sensorHz, factor: test.factor, further: Array(further)))
      var windows: [Window] = []
      for index in test.samples.tNs.indices {
        for kind in Contract.sensors.map(\.kind) {
          let sample = Sample(
            nanoseconds: test.samples.tNs[index], x: test.samples.x[index],
            y: test.samples.y[index], z: test.samples.z[index], sensor: kind)
          stream.push(sample) { window in
            windows.append(window)
            return test.restartInHandler.contains(window.number) ? .restart : .goOn
          }
        }
      }
      let expected = test.expected
      XCTAssertEqual(stream.segment, expected.segment, test.name)
      XCTAssertEqual(stream.counts.accepted, expected.counts.accepted, test.name)
      XCTAssertEqual(stream.counts.gaps, expected.counts.gaps, test.name)
      XCTAssertEqual(stream.counts.clockResets, expected.counts.clockResets, test.name)
      XCTAssertEqual(windows.map(\.number), expected.windows.map(\.number), test.name)
      XCTAssertEqual(windows.map(\.segment), expected.windows.map(\.segment), test.name)
      XCTAssertEqual(windows.map(\.endNanoseconds), expected.windows.map(\.endNs), test.name)
      let width = Contract.channels.count
      for (window, wanted) in zip(windows, expected.windows) {
        XCTAssert(agree(Array(window.values.prefix(width)), wanted.first, within: 1e-4), test.name)
        XCTAssert(agree(Array(window.values.suffix(width)), wanted.last, within: 1e-4), test.name)
      }
      for (sensor, rate) in zip(Contract.sensors, expected.rates) {
        XCTAssertEqual(stream.deliveredHz(of: sensor.kind), rate.deliveredHz, test.name)
        XCTAssertEqual(stream.isSlow(sensor.kind), rate.slow, test.name)
      }
    }
  }

  func testStatesOfSensors() throws {
    for test in try DeviceVectors.load().sensorStates {
      var monitor = SensorMonitor(patience: test.patienceNs)
      for event in test.events {
        let reaction = monitor.update(event.event, at: event.atNs, slow: event.slow)
        XCTAssertEqual(reaction.state, event.state, "\(test.name), \(event.event)")
        XCTAssertEqual(reaction.restart, event.restart, "\(test.name), \(event.event)")
        XCTAssertEqual(reaction.useSample, event.useSample, "\(test.name), \(event.event)")
      }
    }
  }

  func testEnergy() throws {
    for test in try DeviceVectors.load().energy {
      var saver = EnergySaver(
        stillBelow: test.stillBelow, after: test.after, factor: test.factor,
        channels: test.channels, width: test.width)
      for each in test.windows {
        XCTAssertEqual(saver.deviation(of: each.values), each.deviation, test.name)
        let window = Window(
          number: 0, segment: each.segment, endNanoseconds: 0, values: each.values)
        XCTAssertEqual(saver.runs(window), each.run, test.name)
      }
    }
  }

  private struct Message: LocalizedError {
    let errorDescription: String?
  }

  private final class Runs: @unchecked Sendable {
    var opened: [String] = []
    var inferences = 0
  }

  /// Answers in the order of the vectors.
  private final class StubEngine: Engine, @unchecked Sendable {
    let runtime = "a stub"
    private var rows: ArraySlice<[Double?]>
    private let log: Runs

    init(outputs: [[Double?]], log: Runs) {
      rows = outputs[...]
      self.log = log
    }

    func outputs(for values: [Float]) -> [Double] {
      log.inferences += 1
      return rows.removeFirst().map { $0 ?? .nan }
    }
  }
}

/// `device.json`.
struct DeviceVectors: Decodable {
  struct Tests<Test: Decodable>: Decodable {
    let tests: [Test]
  }

  struct SelfTestCase: Decodable {
    struct Vector: Decodable {
      let vector: Int
      let expected: [Double]
    }

    struct Stub: Decodable {
      let error: String?
      let outputs: [[Double?]]?
    }

    struct Expected: Decodable {
      struct Unit: Decodable {
        let status: String
        let largest: Double?
        let errors: Int
      }

      let runs: Int
      let opened, passing: [String]
      let error: String?
      let units: [String: Unit]
    }

    let name: String
    let units: [String]
    let tolerance: Double
    let vectors: [Vector]
    let stubs: [String: Stub]
    let record: Record?
    let key: Key
    let expected: Expected
  }

  struct Key: Decodable {
    let appVersion, modelSha256, system: String

    var key: SelfTestKey {
      SelfTestKey(appVersion: appVersion, modelSha256: modelSha256, system: system)
    }
  }

  struct Record: Decodable {
    struct Result: Decodable {
      let unit: String
      let status: UnitStatus
      let largest: Double?
      let reason: String
      let vectors: [Int]
      let outputs: [[Double?]]?
      let medianMs: Double?
      let errors: Int
    }

    let key: Key
    let results: [Result]
    let testing, chosen: String?

    var record: SelfTestRecord {
      SelfTestRecord(
        key: key.key,
        results: results.map {
          UnitResult(
            unit: $0.unit, status: $0.status, largest: $0.largest, reason: $0.reason,
            vectors: $0.vectors, outputs: $0.outputs?.map { row in row.map { $0 ?? .nan } },
            runtime: $0.unit, medianMilliseconds: $0.medianMs, errors: $0.errors)
        }, testing: testing, chosen: chosen)
    }
  }

  struct Choice: Decodable {
    struct Expected: Decodable {
      let chosen: String
      let medianMs: [String: Double]
    }

    let name: String
    let units, passing: [String]
    let timesMs: [String: [Double]]
    let expected: Expected
  }

  struct Update: Decodable {
    struct Installed: Decodable {
      let name, contractSha256, appVersion, publicKey: String
      let floor: Int
    }

    struct Expected: Decodable {
      let accepted: Bool
      let reason: String?
      let version: Int?
    }

    let name: String
    let installed: Installed
    let files: [String: String]
    let selfTestPasses: Bool
    let expected: Expected
  }

  struct Versions: Decodable {
    let a, b: String
    let order: Int
  }

  struct Decisions: Decodable {
    struct Update: Decodable {
      let segment: Int
      let outputs: [Double?]
      let candidate, label: Int?
      let probabilities: [Double]?
    }

    let name: String
    let logits: Bool
    let alpha, hysteresis, unsureBelow: Double
    let updates: [Update]
  }

  struct Stream: Decodable {
    struct Samples: Decodable {
      let tNs: [Int64]
      let x, y, z: [Double]
    }

    struct Window: Decodable {
      let number, segment: Int
      let endNs: Int64
      let first, last: [Float]
    }

    struct Rate: Decodable {
      let deliveredHz: Double?
      let slow: Bool
    }

    struct Expected: Decodable {
      let counts: Vectors.Counted
      let segment: Int
      let rates: [Rate]
      let windows: [Window]
    }

    let name: String
    let sensorHz, factor: Double
    let restartInHandler: [Int]
    let samples: Samples
    let expected: Expected
  }

  struct States: Decodable {
    struct Event: Decodable {
      let event: SensorEvent
      let atNs: Int64
      let slow: Bool
      let state: SensorState
      let restart, useSample: Bool
    }

    let name: String
    let patienceNs: Int64
    let events: [Event]
  }

  struct Energy: Decodable {
    struct Window: Decodable {
      let segment: Int
      let values: [Float]
      let deviation: Double
      let run: Bool
    }

    let name: String
    let stillBelow: Double
    let after, factor, width: Int
    let channels: [Int]
    let windows: [Window]
  }

  let selfTest: Tests<SelfTestCase>
  let choice: Tests<Choice>
  let updates: Tests<Update>
  let appVersions: [Versions]
  let decisions: [Decisions]
  let streams: [Stream]
  let sensorStates: [States]
  let energy: [Energy]

  static func load() throws -> DeviceVectors {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(DeviceVectors.self, from: Resource.data("device"))
  }
}
