import CoreMotion
import Foundation
import SensorStreaming
import XCTest

@testable import SensorRecognition

/// Core Motion's adapter on a device that delivers, fails and is released.
final class SensorsTests: XCTestCase, @unchecked Sendable {
  private struct Broken: LocalizedError {
    var errorDescription: String? { "broken" }
  }

  private var clock = 0.0

  override func setUp() async throws {
    try await becomes(true) { Motion.device.running == 0 }
  }

  @MainActor
  func testTheReadmesOwnLineDelivers() async throws {
    let samples = try Sensors().samples(for: StreamSettings())
    deliver(3)
    let given = try await first(3, of: samples)
    XCTAssertEqual(given.map(\.z), [1, 1, 1])
    XCTAssertEqual(given.map(\.sensor), [.accelerometer, .accelerometer, .accelerometer])
  }

  @MainActor
  func testRecognitionEndsWithItsTaskAndStopsTheSensors() async throws {
    let recognizer = Recognizer { _ in Contract.labels.indices.map { $0 == 0 ? 1 : 0 } }
    let recognitions = recognizer.recognitions(of: try Sensors().samples(for: StreamSettings()))
    let reader = Task { () -> Int? in
      for try await recognition in recognitions { return recognition.decision.candidate }
      return nil
    }
    deliver(2 * Int(Double(Contract.window) / Contract.rateHz * Contract.sensorHz))
    let index = try await reader.value
    XCTAssertEqual(index, 0)
    let samples = try Sensors().samples(for: StreamSettings())
    let waiting = Task { for try await _ in recognizer.recognitions(of: samples) {} }
    try await becomes(true) { Motion.device.running == 1 }
    waiting.cancel()
    _ = try? await waiting.value
    try await becomes(true) { Motion.device.running == 0 }
  }

  @MainActor
  func testASequenceThatNobodyReadsStopsTheSensors() async throws {
    _ = try Sensors().samples(for: StreamSettings())
    try await becomes(true) { Motion.device.running == 0 }
  }

  @MainActor
  func testALateStopLeavesTheNewSequenceAlone() async throws {
    let sensors = Sensors()
    let before = try sensors.samples(for: StreamSettings())
    deliver(1)
    _ = try await first(1, of: before)  // its stop is on the way to the main actor
    let samples = try sensors.samples(for: StreamSettings())
    for _ in 0..<20 { await Task.yield() }
    deliver(2)
    let given = try await first(2, of: samples)
    XCTAssertEqual(given.count, 2)
  }

  @MainActor
  func testASecondReaderEndsTheFirst() async throws {
    let before = try Sensors().samples(for: StreamSettings())
    // Another object, with the one manager of the app.
    let samples = try Sensors().samples(for: StreamSettings())
    XCTAssertEqual(Motion.device.running, 1)
    var read = 0
    for try await _ in before { read += 1 }
    XCTAssertEqual(read, 0)
    deliver(1)
    let given = try await first(1, of: samples)
    XCTAssertEqual(given.count, 1)
  }

  @MainActor
  func testAnErrorOfCoreMotionReachesTheReader() async throws {
    let samples = try Sensors().samples(for: StreamSettings())
    Motion.device.fail(Broken())
    do {
      for try await _ in samples { XCTFail("no sample") }
      XCTFail("no error")
    } catch {
      XCTAssertEqual(error as? RecognitionError, .sensorFailed("broken"))
    }
    try await becomes(true) { Motion.device.running == 0 }
  }

  @MainActor
  func testADenialIsAStateAndAnError() async throws {
    let recognizer = Recognizer { _ in [] }
    let recognitions = recognizer.recognitions(of: try Sensors().samples(for: StreamSettings()))
    Motion.device.fail(NSError(domain: CMErrorDomain, code: 111))
    do {
      for try await _ in recognitions {}
      XCTFail("no error")
    } catch {
      XCTAssertEqual(error as? RecognitionError, .denied)
    }
    let states = await recognizer.states
    XCTAssertEqual(Array(states.values), [.denied])
  }

  @MainActor
  func testASensorThatGivesNothingIsSilent() async throws {
    let recognizer = Recognizer(patience: .milliseconds(1)) { _ in [] }
    let recognitions = recognizer.recognitions(of: try Sensors().samples(for: StreamSettings()))
    let reader = Task { for try await _ in recognitions {} }
    var states: [SensorState] = []
    for await change in recognizer.stateChanges {
      states += change.values
      if states.contains(.silent) { break }
    }
    reader.cancel()
    XCTAssertEqual(states.last, .silent)
  }

  @MainActor
  func testAMissingSensorIsNamed() async throws {
    Motion.device.hasAccelerometer = false
    defer { Motion.device.hasAccelerometer = true }
    XCTAssertEqual(Sensors().missing, [.accelerometer])
    XCTAssertThrowsError(try Sensors().samples(for: StreamSettings())) {
      XCTAssertEqual($0 as? RecognitionError, .noAccelerometer)
    }
  }

  @MainActor
  func testTheSystemIsAskedForTheRateOfTheStream() async throws {
    let manager = CMMotionManager()
    var settings = StreamSettings()
    settings.sensorHz = 25
    let recognizer = Recognizer(stream: SensorStream(settings: settings)) { _ in [] }
    _ = try Sensors(manager: manager).samples(for: recognizer.settings)
    XCTAssertEqual(manager.accelerometerUpdateInterval, 1.0 / 25)
  }

  @MainActor
  private func deliver(_ count: Int) {
    for _ in 0..<count {
      clock += 0.02
      Motion.device.deliver(seconds: clock, x: 0, y: 0, z: 1)
    }
  }

  @MainActor
  private func first(
    _ count: Int, of samples: AsyncThrowingStream<Sample, any Error>
  ) async throws -> [Sample] {
    let reader = Task {
      var given: [Sample] = []
      for try await sample in samples {
        given.append(sample)
        if given.count == count { break }
      }
      return given
    }
    let timer = Task {
      try await Task.sleep(for: .seconds(5))
      reader.cancel()
    }
    defer { timer.cancel() }
    return try await reader.value
  }

  private func becomes(_ wanted: Bool, _ state: @Sendable () -> Bool) async throws {
    for _ in 0..<500 where state() != wanted { try await Task.sleep(for: .milliseconds(10)) }
    XCTAssertEqual(state(), wanted)
  }
}
