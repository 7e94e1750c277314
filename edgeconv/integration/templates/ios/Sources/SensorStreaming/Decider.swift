import Foundation

/// What is said after one window.
public struct Decision: Sendable, Equatable {
  /// Place of the class in ``Contract/labels``.
  public let index: Int
  /// Smoothed probabilities, in the order of the labels.
  public let probabilities: [Double]

  /// The class.
  public var label: String { Contract.labels[index] }
}

/// Makes decisions that do not flicker: an exponential mean of the probabilities, and a class that
/// changes only for a clear lead.
public struct Decider: Sendable {
  private let logits: Bool
  private let alpha: Double
  private let hysteresis: Double
  private var segment = -1
  private var latest: Decision?

  /// - Parameters:
  ///   - logits: whether the model gives logits, which go through softmax first.
  ///   - alpha: weight of the newest window, above 0; 1 takes every window for itself.
  ///   - hysteresis: by how much another class must lead the present one, from 0 to below 1.
  public init(
    logits: Bool = Contract.logits,
    alpha: Double = Contract.alpha,
    hysteresis: Double = Contract.hysteresis
  ) {
    precondition(alpha > 0 && alpha <= 1 && hysteresis >= 0 && hysteresis < 1)
    self.logits = logits
    self.alpha = alpha
    self.hysteresis = hysteresis
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
      latest = Decision(index: Self.largest(new), probabilities: new)
      return latest
    }
    let smoothed = zip(old.probabilities, new).map { $0 + alpha * ($1 - $0) }
    let challenger = Self.largest(smoothed)
    let lead = smoothed[challenger] - smoothed[old.index]
    latest = Decision(
      index: lead > hysteresis ? challenger : old.index, probabilities: smoothed)
    return latest
  }

  /// Probabilities of logits, without overflow.
  static func softmax(_ logits: [Double]) -> [Double] {
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
