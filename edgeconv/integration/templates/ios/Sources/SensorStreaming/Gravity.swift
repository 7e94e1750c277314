import Foundation

/// Tells gravity from motion: a Butterworth low-pass of order 3 over the three axes of an
/// accelerometer, step by step.
///
/// It sees the distance from the first step, as if that had always been there: a phone at rest gives
/// its gravity without any rounding.
struct Gravity: Sendable {
  /// Cutoff of the low-pass whose output is gravity.
  static let cutoffHz = 0.3
  /// Of the cutoff: how long it settles before its output is used.
  static let settlingPeriods = 2.0

  private struct Section {
    let b0, b1, b2, a1, a2: Double
    var state = (SIMD3<Double>.zero, SIMD3<Double>.zero)

    mutating func pass(_ value: SIMD3<Double>) -> SIMD3<Double> {
      let out = b0 * value + state.0
      state.0 = b1 * value - a1 * out + state.1
      state.1 = b2 * value - a2 * out
      return out
    }
  }

  /// Steps that are for the filter only, as it settles.
  private(set) var left: Int
  private let settling: Int
  private var sections: [Section]
  private var first: SIMD3<Double>?

  init(rateHz: Double) {
    let k = tan(Double.pi * Self.cutoffHz / rateHz)
    let d = 1 + k + k * k
    let one = k / (1 + k)
    let two = k * k / d
    // Of the poles of 1 / ((s + 1)(s² + s + 1)) by the bilinear transform.
    sections = [
      Section(b0: one, b1: one, b2: 0, a1: (k - 1) / (k + 1), a2: 0),
      Section(b0: two, b1: 2 * two, b2: two, a1: 2 * (k * k - 1) / d, a2: (1 - k + k * k) / d),
    ]
    settling = Int((Self.settlingPeriods * rateHz / Self.cutoffHz).rounded(.up))
    left = settling
  }

  mutating func removeAll() {
    left = settling
    first = nil
    for index in sections.indices { sections[index].state = (.zero, .zero) }
  }

  /// The slow part of a step of the accelerometer; `nil` while it settles.
  mutating func update(_ step: SIMD3<Double>) -> SIMD3<Double>? {
    let origin = first ?? step
    first = origin
    var value = step - origin
    for index in sections.indices { value = sections[index].pass(value) }
    if left > 0 {
      left -= 1
      return nil
    }
    return origin + value
  }
}
