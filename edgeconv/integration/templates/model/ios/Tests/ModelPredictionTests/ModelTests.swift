#if canImport(CoreML)
  import XCTest

  @testable import ModelPrediction

  /// The Core ML model on this machine, on every compute unit, on every golden vector.
  final class ModelTests: XCTestCase {
    func testEveryGoldenVectorOnEveryComputeUnit() async throws {
      let golden = try Golden.load()
      for units in ComputeUnits.allCases {
        let runner: ModelRunner
        do {
          runner = try await ModelRunner.packaged(computeUnits: units)
        } catch ModelError.noModel {
          throw XCTSkip("only Xcode compiles the model: run xcodebuild test")
        }
        let found = try await golden.run(runner)
        // `edgeconv golden check BUNDLE golden-results.json` judges the same.
        let results = try golden.results(
          found, device: "this device, \(units.rawValue)", runtime: runner.runtime,
          system: ProcessInfo.processInfo.operatingSystemVersionString)
        let folder = FileManager.default.temporaryDirectory
        try results.write(to: folder.appendingPathComponent("golden-results.json"))
        XCTAssertEqual(golden.deviations(found), [], "\(units)")
      }
    }
  }
#endif
