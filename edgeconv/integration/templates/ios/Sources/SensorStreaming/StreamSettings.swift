/// What a ``SensorStream`` has to know of the model and of the sensor.
public struct StreamSettings: Sendable, Equatable {
  /// Steps a second, in one window, and between the starts of two windows.
  public var rateHz: Double
  public var window: Int
  public var step: Int
  /// The rate that the sensor is asked for; what it really does may differ.
  public var sensorHz: Double
  /// The model's unit and sign for one of the sensor's.
  public var factor: Double

  /// A pause, or a step back in time, above this many nominal intervals restarts the stream.
  static let gapIntervals = 5.0
  /// Samples nearer to the last one than this share of an interval are doubled ones.
  static let closestIntervals = 0.1

  /// Creates settings; without arguments they are those of the model in this package.
  ///
  /// - Precondition: rates, window and step are above 0, and the factor is a number but 0.
  public init(
    rateHz: Double = Contract.rateHz,
    window: Int = Contract.window,
    step: Int = Contract.step,
    sensorHz: Double = Contract.sensorHz,
    factor: Double = Contract.factor
  ) {
    precondition(rateHz > 0 && rateHz.isFinite && sensorHz > 0 && sensorHz.isFinite)
    precondition(window > 0 && step > 0 && factor != 0 && factor.isFinite)
    self.rateHz = rateHz
    self.window = window
    self.step = step
    self.sensorHz = sensorHz
    self.factor = factor
  }

  /// Points of the fine grid in one step.
  var oversampling: Int { LowPass.oversampling(sensorHz: sensorHz, rateHz: rateHz) }
  /// Nanoseconds between two points of the fine grid.
  var spacing: Double { 1e9 / (rateHz * Double(oversampling)) }
  var maxGap: Int64 { Int64((Self.gapIntervals * 1e9 / sensorHz + 0.5).rounded(.down)) }
  var closest: Int64 { Int64((Self.closestIntervals * 1e9 / sensorHz + 0.5).rounded(.down)) }
}
