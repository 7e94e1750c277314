import Foundation

/// The filter that keeps what is too fast for the model's rate from turning up as something slower.
///
/// It is the one that the training recordings went through: flat to 0.8 of the Nyquist frequency of
/// the model's rate, at least 60 dB down from 1.1 of it (Kaiser's method; Oppenheim and Schafer,
/// *Discrete-Time Signal Processing*, 7.5.3).
enum LowPass {
  private static let passEdge = 0.8
  private static let stopEdge = 1.1
  private static let designDecibels = 65.0
  private static let nominalTolerance = 0.03

  /// Points of the fine grid that make one step of the model; 1 means that no filter is needed.
  static func oversampling(sensorHz: Double, rateHz: Double) -> Int {
    max(1, Int((sensorHz / rateHz - nominalTolerance).rounded(.up)))
  }

  /// An odd number of taps, symmetric, with sum 1, so that gravity passes unchanged.
  static func taps(oversampling: Int) -> [Double] {
    if oversampling == 1 { return [1] }
    let factor = Double(oversampling)
    let width = (stopEdge - passEdge) / factor
    let cutoff = (stopEdge + passEdge) / 2 / factor
    let beta = 0.1102 * (designDecibels - 8.7)
    let length = Int(((designDecibels - 7.95) / 2.285 / (Double.pi * width) + 1).rounded(.up)) | 1
    let half = length / 2
    let raw = (-half...half).map { n in
      let place = Double(n) / Double(half)
      return sinc(cutoff * Double(n)) * besselI0(beta * (1 - place * place).squareRoot())
    }
    let total = raw.reduce(0, +)
    return raw.map { $0 / total }
  }

  private static func sinc(_ x: Double) -> Double {
    x == 0 ? 1 : sin(.pi * x) / (.pi * x)
  }

  /// The modified Bessel function of order 0, by its power series.
  private static func besselI0(_ x: Double) -> Double {
    var (term, total, k) = (1.0, 1.0, 1.0)
    while term > 1e-17 * total {
      term *= (x / (2 * k)) * (x / (2 * k))
      total += term
      k += 1
    }
    return total
  }
}
