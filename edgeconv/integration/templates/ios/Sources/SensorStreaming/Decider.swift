import Foundation

/// What is said after one window.
public struct Decision: Sendable, Equatable {
  /// The class that smoothing and hysteresis arrive at: its place in ``Contract/labels``.
  public let candidate: Int
  /// Smoothed probabilities, in the order of the labels.
  public let probabilities: [Double]
  /// Whether the candidate's probability is too low to be shown as a decision.
  public let isUnsure: Bool

  /// The class to show; `nil` while it is unsure.
  public var label: String? { isUnsure ? nil : Contract.labels[candidate] }
}

/// Makes decisions that do not flicker: an exponential mean of the probabilities, and a class that
/// changes only for a clear lead.
public struct Decider: Sendable {
  private let logits: Bool
  private let alpha: Double
  private let hysteresis: Double
  private let unsureBelow: Double
  private var segment = -1
  private var latest: Decision?

  /// - Parameters:
  ///   - logits: whether the model gives logits, which go through softmax first.
  ///   - alpha: weight of the newest window, above 0; 1 takes every window for itself.
  ///   - hysteresis: by how much another class must lead the present one, from 0 to below 1.
  ///   - unsureBelow: the smoothed probability that a decision needs; 0: every one will do.
  public init(
    logits: Bool = Contract.logits,
    alpha: Double = Contract.alpha,
    hysteresis: Double = Contract.hysteresis,
    unsureBelow: Double = Contract.unsureBelow
  ) {
    precondition(alpha > 0 && alpha <= 1 && hysteresis >= 0 && hysteresis < 1)
    precondition(unsureBelow >= 0 && unsureBelow <= 1)
    self.logits = logits
    self.alpha = alpha
    self.hysteresis = hysteresis
    self.unsureBelow = unsureBelow
  }

  /// The decision after the outputs for a window of `segment`.
  ///
  /// A new segment forgets what was before. Outputs that are not finite are no answer: the decision
  /// stays as it was, `nil` at the beginning.
  public mutating func update(segment: Int, outputs: [Double]) -> Decision? {
    if segment != self.segment { (self.segment, latest) = (segment, nil) }
    guard outputs.allSatisfy(\.isFinite) else { return latest }
    let new = logits ? Self.softmax(outputs) : outputs
    guard let old = latest else {
      latest = decision(Self.largest(new), new)
      return latest
    }
    let smoothed = zip(old.probabilities, new).map { $0 + alpha * ($1 - $0) }
    let challenger = Self.largest(smoothed)
    let lead = smoothed[challenger] - smoothed[old.candidate]
    latest = decision(lead > hysteresis ? challenger : old.candidate, smoothed)
    return latest
  }

  private func decision(_ candidate: Int, _ probabilities: [Double]) -> Decision {
    Decision(
      candidate: candidate, probabilities: probabilities,
      isUnsure: probabilities[candidate] < unsureBelow)
  }

  /// Probabilities of logits, without overflow.
  package static func softmax(_ logits: [Double]) -> [Double] {
    let top = logits.max() ?? 0
    let powers = logits.map { exp($0 - top) }
    let total = powers.reduce(0, +)
    return powers.map { $0 / total }
  }

  /// The first of the largest.
  private static func largest(_ values: [Double]) -> Int {
    values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }
  }
}
