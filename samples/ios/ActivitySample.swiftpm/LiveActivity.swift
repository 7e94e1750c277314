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
  private var latencies: [Duration] = []

  /// The median of the latest latencies, in milliseconds.
  var latencyMilliseconds: Double? {
    guard !latencies.isEmpty else { return nil }
    return latencies.sorted()[latencies.count / 2] / .milliseconds(1)
  }

  /// Recognises until the task is cancelled, as SwiftUI does when the view goes away.
  func run() async {
    problem = nil
    do {
      let classifier = try await Classifier.packaged()
      let recognizer = Recognizer { try await classifier.outputs(for: $0) }
      let samples = try Sensors().samples()
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
