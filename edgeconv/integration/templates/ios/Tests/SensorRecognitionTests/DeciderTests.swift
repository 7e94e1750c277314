import XCTest

@testable import SensorStreaming

final class DeciderTests: XCTestCase {
  func testEveryDecision() throws {
    let vectors = try Vectors.load()
    XCTAssertFalse(vectors.decisions.isEmpty)
    for decisions in vectors.decisions {
      var decider = Decider(
        logits: decisions.logits, alpha: decisions.alpha, hysteresis: decisions.hysteresis,
        unsureBelow: 0)
      for update in decisions.updates {
        let outputs = update.outputs.map { $0 ?? .nan }
        let decision = decider.update(segment: update.segment, outputs: outputs)
        XCTAssertEqual(decision?.candidate, update.label, decisions.name)
        XCTAssert(
          agree(
            decision?.probabilities ?? [], update.probabilities ?? [],
            within: vectors.tolerance.smoothed), decisions.name)
      }
    }
  }
}
