import Foundation
import Observation
import SensorRecognition
import SensorStreaming

/// What the screen shows: the latest recognition, or why there is none.
@MainActor
@Observable
final class LiveActivity {
  private(set) var latest: Recognition?
  private(set) var problem: String?
  private(set) var counts = Counts()
  private(set) var states: [SensorKind: SensorState] = [:]
  private var latencies: [Duration] = []

  /// The median of the latest latencies, in milliseconds.
  var latencyMilliseconds: Double? {
    guard !latencies.isEmpty else { return nil }
    return latencies.sorted()[latencies.count / 2] / .milliseconds(1)
  }

  /// Recognizes until the task is canceled, as SwiftUI does when the view goes away.
  func run() async {
    problem = nil
    do {
      // The first time, and after every update: does this device answer as the notebook did?
      let classifier = try await ProvenModel().classifier()
      let recognizer = Recognizer { try await classifier.outputs(for: $0) }
      let watch = Task { for await change in recognizer.stateChanges { states = change } }
      defer { watch.cancel() }
      let samples = try Sensors().samples(for: recognizer.settings)
      for try await found in recognizer.recognitions(of: samples) {
        latest = found
        latencies = (latencies + [found.latency]).suffix(50)
        counts = await recognizer.counts
      }
    } catch {
      problem = error.localizedDescription
    }
  }
}
