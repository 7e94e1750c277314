import XCTest

@testable import SensorRecognition
@testable import SensorStreaming

/// From raw samples with time stamps to decisions. What the model answered is on record; the model
/// itself is asked in ModelTests, where Core ML is.
final class RecognizerTests: XCTestCase {
  func testEveryStreamIsDecidedAsByTheReference() async throws {
    let vectors = try Vectors.load()
    for recorded in vectors.streams where recorded.restartBefore.isEmpty {
      let windows = recorded.expected.windows
      let recognizer = Recognizer(stream: SensorStream(settings: recorded.settings)) { window in
        windows[window.number].outputs
      }
      var recognitions: [Recognition] = []
      for try await each in recognizer.recognitions(of: replay(recorded)) {
        recognitions.append(each)
      }
      XCTAssertEqual(recognitions.map(\.decision.candidate), windows.map(\.decision), recorded.name)
      XCTAssertEqual(recognitions.map(\.decision.isUnsure), windows.map(\.unsure), recorded.name)
      XCTAssertEqual(recognitions.map(\.endNanoseconds), windows.map(\.endNs), recorded.name)
      for (each, window) in zip(recognitions, windows) {
        XCTAssert(
          agree(
            each.decision.probabilities, window.smoothed, within: vectors.tolerance.smoothed),
          recorded.name)
      }
    }
  }

  func testAFailingInferenceIsToldAndDoesNotEndRecognition() async throws {
    let recorded = try XCTUnwrap(
      Vectors.load().streams.first { $0.expected.windows.count > 2 && $0.restartBefore.isEmpty })
    let windows = recorded.expected.windows
    let wanted = RecognitionError.wrongOutput("Walking")
    let recognizer = Recognizer(stream: SensorStream(settings: recorded.settings)) { window in
      if window.number == 1 { throw wanted }
      return windows[window.number].outputs
    }
    var recognitions: [Recognition] = []
    for try await each in recognizer.recognitions(of: replay(recorded)) {
      recognitions.append(each)
    }
    XCTAssertEqual(recognitions.count, windows.count - 1)
    let (failures, latest) = await (recognizer.failures, recognizer.latestFailure)
    XCTAssertEqual(failures, 1)
    XCTAssertEqual(latest as? RecognitionError, wanted)
  }

  func testWindowsAreSparedWhileNothingMoves() async throws {
    let saver = EnergySaver(after: 0, factor: 1000)
    let recognizer = Recognizer(energy: saver) { _ in Contract.labels.map { _ in 1 } }
    let interval = Int64(1e9 / Contract.sensorHz)
    let steps = (Contract.window + 4 * Contract.step) / Int(Contract.rateHz) + 30
    var recognitions: [Recognition] = []
    for index in 0..<Int64(steps * Int(Contract.sensorHz)) {
      for kind in Contract.sensors.map(\.kind) {
        recognitions += await recognizer.push(
          Sample(nanoseconds: index * interval, x: 0, y: 0, z: 1, sensor: kind))
      }
    }
    XCTAssertEqual(recognitions.count, 1)
    let spared = await recognizer.spared
    XCTAssertGreaterThan(spared, 1)
  }

  func testWhatComesInTheBackgroundIsNotUsed() async throws {
    let recognizer = Recognizer { _ in Contract.labels.map { _ in 1 } }
    let kind = Contract.sensors[0].kind
    func push(_ nanoseconds: Int64) async {
      _ = await recognizer.push(Sample(nanoseconds: nanoseconds, x: 0, y: 0, z: 1))
    }
    await push(0)
    var state = await recognizer.states[kind]
    XCTAssertEqual(state, .receiving)
    await recognizer.suspend()
    await push(20_000_000)
    state = await recognizer.states[kind]
    XCTAssertEqual(state, .suspended)
    var accepted = await recognizer.counts.accepted
    XCTAssertEqual(accepted, 1)
    await recognizer.resume()
    await push(40_000_000)
    accepted = await recognizer.counts.accepted
    XCTAssertEqual(accepted, 2)
    var changes = recognizer.stateChanges.makeAsyncIterator()
    let latest = await changes.next()
    XCTAssertEqual(latest?[kind], .receiving)
  }

  func testWhatTheModelSaysOfAWindowOfBeforeARestartIsDropped() async throws {
    let recorded = try XCTUnwrap(Vectors.load().streams.first)
    let box = Box()
    let recognizer = Recognizer(stream: SensorStream(settings: recorded.settings)) { window in
      if window.number == 0 { await box.recognizer?.restart() }
      return recorded.expected.windows[window.number].outputs
    }
    box.recognizer = recognizer
    var recognitions: [Recognition] = []
    for sample in recorded.readings { recognitions += await recognizer.push(sample) }
    let first = recorded.expected.windows[0]
    XCTAssertFalse(recognitions.contains { $0.endNanoseconds == first.endNs })
  }

  private final class Box: @unchecked Sendable {
    var recognizer: Recognizer?
  }

  func testAnotherModelIsRefused() throws {
    var contract: [String: Any] = [
      "channels": Contract.channels, "labels": Contract.labels, "layout": "time-major",
      "rate_hz": Contract.rateHz, "sensor": Contract.sensor, "window": Contract.window,
    ]
    try FileContract.check(text(contract))
    let others: [String: Any] = [
      "channels": ["z", "y", "x"], "labels": Array(Contract.labels.reversed()),
      "layout": "axis-major", "rate_hz": Contract.rateHz + 1, "sensor": "another",
      "window": Contract.window + 1,
    ]
    for (key, other) in others {
      let right = contract.updateValue(other, forKey: key)
      XCTAssertThrowsError(try FileContract.check(text(contract)), key)
      contract[key] = right
    }
    XCTAssertThrowsError(try FileContract.check("{}"))
    XCTAssertThrowsError(try FileContract.check(nil))
  }

  private func text(_ contract: [String: Any]) throws -> String {
    String(decoding: try JSONSerialization.data(withJSONObject: contract), as: UTF8.self)
  }

  private func replay(_ recorded: Vectors.Stream) -> AsyncStream<Sample> {
    AsyncStream { continuation in
      for sample in recorded.readings { continuation.yield(sample) }
      continuation.finish()
    }
  }
}
