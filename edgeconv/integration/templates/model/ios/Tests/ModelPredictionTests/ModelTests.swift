#if canImport(CoreML)
  import CoreML
  import XCTest

  @testable import ModelPrediction

  /// The Core ML model on this machine, on every compute unit, on every golden vector.
  final class ModelTests: XCTestCase {
    func testEveryGoldenVectorOnEveryComputeUnit() async throws {
      let golden = try Golden.load()
      for units in [MLComputeUnits.cpuOnly, .cpuAndGPU, .cpuAndNeuralEngine, .all] {
        let found = try await golden.run(ModelRunner.packaged(computeUnits: units))
        // `edgeconv golden check BUNDLE golden-results.json` judges the same.
        let results = try golden.results(
          found, device: "this device, \(units)",
          system: ProcessInfo.processInfo.operatingSystemVersionString)
        let folder = FileManager.default.temporaryDirectory
        try results.write(to: folder.appendingPathComponent("golden-results.json"))
        XCTAssertEqual(golden.deviations(found), [], "\(units)")
      }
    }
  }
#endif
