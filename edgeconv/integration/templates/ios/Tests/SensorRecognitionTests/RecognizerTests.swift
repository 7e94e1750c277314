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
      var found: [Recognition] = []
      for try await each in recognizer.recognitions(of: replay(recorded)) { found.append(each) }
      XCTAssertEqual(found.map(\.decision.index), windows.map(\.decision), recorded.name)
      XCTAssertEqual(found.map(\.endNanoseconds), windows.map(\.endNs), recorded.name)
      for (each, window) in zip(found, windows) {
        XCTAssert(
          agree(
            each.decision.probabilities, window.smoothed, within: vectors.tolerance.smoothed),
          recorded.name)
      }
    }
  }

  func testTheModelsErrorReachesTheReader() async throws {
    let recorded = try XCTUnwrap(Vectors.load().streams.first)
    let wanted = RecognitionError.wrongOutput("Walking")
    let recognizer = Recognizer(stream: SensorStream(settings: recorded.settings)) { _ in
      throw wanted
    }
    do {
      for try await _ in recognizer.recognitions(of: replay(recorded)) { XCTFail("no answer") }
      XCTFail("no error")
    } catch {
      XCTAssertEqual(error as? RecognitionError, wanted)
    }
  }

  func testWhatTheModelSaysOfAWindowOfBeforeARestartIsDropped() async throws {
    let recorded = try XCTUnwrap(Vectors.load().streams.first)
    let box = Box()
    let recognizer = Recognizer(stream: SensorStream(settings: recorded.settings)) { window in
      if window.number == 0 { await box.recognizer?.restart() }
      return recorded.expected.windows[window.number].outputs
    }
    box.recognizer = recognizer
    var found: [Recognition] = []
    for sample in recorded.readings { found += try await recognizer.push(sample) }
    XCTAssertFalse(found.contains { $0.endNanoseconds == recorded.expected.windows[0].endNs })
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
