#if canImport(CoreML)
  import XCTest

  @testable import SensorRecognition
  @testable import SensorStreaming

  /// The Core ML model on this machine, on every compute unit, against the recorded answers.
  final class ModelTests: XCTestCase {
    func testEveryStreamOnEveryComputeUnit() async throws {
      let vectors = try Vectors.load()
      for units in ComputeUnits.allCases {
        let classifier: Classifier
        do {
          classifier = try await Classifier.packaged(
            computeUnits: units, runtime: .coreML)
        } catch RecognitionError.noModel {
          throw XCTSkip("only Xcode compiles the model: run xcodebuild test")
        }
        for recorded in vectors.streams where recorded.restartBefore.isEmpty {
          let recognizer = Recognizer(stream: SensorStream(settings: recorded.settings)) {
            try await classifier.outputs(for: $0)
          }
          var recognitions: [Recognition] = []
          for sample in recorded.readings { recognitions += await recognizer.push(sample) }
          XCTAssertEqual(recognitions.count, recorded.expected.windows.count, recorded.name)
          for (each, window) in zip(recognitions, recorded.expected.windows) {
            XCTAssert(
              agree(each.outputs, window.outputs, within: vectors.tolerance.probability),
              "\(recorded.name), \(units.rawValue)")
            if window.sure {
              XCTAssertEqual(each.decision.candidate, window.decision)
              XCTAssertEqual(each.decision.isUnsure, window.unsure)
            }
          }
        }
      }
    }
  }
#endif
