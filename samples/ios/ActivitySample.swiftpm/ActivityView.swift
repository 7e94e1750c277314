import SensorStreaming
import SwiftUI

/// The activity in large letters, the probability of each, and how long the model took.
struct ActivityView: View {
  @State private var live = LiveActivity()

  var body: some View {
    NavigationStack {
      List {
        Section {
          Text(headline)
            .font(.largeTitle.bold())
            .frame(maxWidth: .infinity)
            .padding(.vertical)
            .accessibilityLabel("Activity: \(headline)")
        }
        if let problem = live.problem {
          Section { Label(problem, systemImage: "exclamationmark.triangle") }
        }
        if let decision = live.latest?.decision {
          Section("Probabilities") { probabilities(decision) }
        }
        Section("Model") { figures }
      }
      .navigationTitle("Activity")
    }
    .task { await live.run() }
  }

  private var headline: String {
    if live.problem != nil { return "–" }
    guard let decision = live.latest?.decision else { return "Listening…" }
    return decision.label ?? "Not sure"
  }

  private func probabilities(_ decision: Decision) -> some View {
    ForEach(Array(Contract.labels.enumerated()), id: \.offset) { index, label in
      ProgressView(value: min(max(decision.probabilities[index], 0), 1)) {
        LabeledContent(label) {
          Text(decision.probabilities[index], format: .percent.precision(.fractionLength(0)))
            .monospacedDigit()
        }
      }
    }
  }

  @ViewBuilder private var figures: some View {
    if let milliseconds = live.latencyMilliseconds {
      LabeledContent("Latency, median") {
        Text("\(milliseconds, format: .number.precision(.fractionLength(2))) ms").monospacedDigit()
      }
    }
    ForEach(live.states.sorted { $0.key.rawValue < $1.key.rawValue }, id: \.key) { kind, state in
      LabeledContent(kind.rawValue, value: state.rawValue)
    }
    LabeledContent("Samples", value: live.counts.accepted, format: .number)
    LabeledContent("Interruptions", value: live.counts.gaps, format: .number)
  }
}
