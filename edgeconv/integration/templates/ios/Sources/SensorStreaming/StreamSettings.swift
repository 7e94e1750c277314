/// A sensor that a ``SensorStream`` takes samples of.
public struct SensorSettings: Sendable, Equatable {
  public var kind: SensorKind
  /// The rate that the sensor is asked for; what it really does may differ.
  public var sensorHz: Double
  /// The model's unit and sign for one of the sensor's.
  public var factor: Double

  /// A pause, or a step back in time, above this many nominal intervals restarts the stream.
  static let gapIntervals = 5.0
  /// Samples nearer to the last one than this share of an interval are doubled ones.
  static let closestIntervals = 0.1

  /// - Precondition: the rate is above 0, and the factor is a number but 0.
  public init(kind: SensorKind, sensorHz: Double, factor: Double) {
    precondition(sensorHz > 0 && sensorHz.isFinite && factor != 0 && factor.isFinite)
    self.kind = kind
    self.sensorHz = sensorHz
    self.factor = factor
  }

  var maxGap: Int64 { Int64((Self.gapIntervals * 1e9 / sensorHz + 0.5).rounded(.down)) }
  var closest: Int64 { Int64((Self.closestIntervals * 1e9 / sensorHz + 0.5).rounded(.down)) }
}

/// What a ``SensorStream`` has to know of the model and of its sensors.
public struct StreamSettings: Sendable, Equatable {
  /// Steps a second, in one window, and between the starts of two windows.
  public var rateHz: Double
  public var window: Int
  public var step: Int
  /// The rate that the first sensor is asked for; what it really does may differ.
  public var sensorHz: Double
  /// The model's unit and sign for one of the first sensor's.
  public var factor: Double
  /// The sensors after the first, in the order of ``Contract/sensors``.
  public var further: [SensorSettings]

  /// How far one sensor may be behind another, in ns; twice the longest pause where that is more.
  static let silence: Int64 = 1_000_000_000

  /// Creates settings; without arguments they are those of the model in this package.
  ///
  /// - Precondition: rates, window and step are above 0, factors are numbers but 0, and the sensors
  ///   are those of the model.
  public init(
    rateHz: Double = Contract.rateHz,
    window: Int = Contract.window,
    step: Int = Contract.step,
    sensorHz: Double = Contract.sensorHz,
    factor: Double = Contract.factor,
    further: [SensorSettings] = Array(Contract.sensors.dropFirst())
  ) {
    precondition(rateHz > 0 && rateHz.isFinite && sensorHz > 0 && sensorHz.isFinite)
    precondition(window > 0 && step > 0 && factor != 0 && factor.isFinite)
    precondition(further.map(\.kind) == Contract.sensors.dropFirst().map(\.kind))
    self.rateHz = rateHz
    self.window = window
    self.step = step
    self.sensorHz = sensorHz
    self.factor = factor
    self.further = further
  }

  /// All sensors, in the order of ``Contract/sensors``.
  public var sensors: [SensorSettings] {
    [SensorSettings(kind: Contract.sensors[0].kind, sensorHz: sensorHz, factor: factor)] + further
  }

  /// Points of the fine grid in one step: as many as the fastest sensor needs.
  var oversampling: Int {
    sensors.map { LowPass.oversampling(sensorHz: $0.sensorHz, rateHz: rateHz) }.max() ?? 1
  }
  /// Nanoseconds between two points of the fine grid.
  var spacing: Double { 1e9 / (rateHz * Double(oversampling)) }
  /// A sensor that is this many nanoseconds behind another is silent, and restarts the stream.
  var silence: Int64 { max(Self.silence, 2 * longestGap) }
  /// How many points of the fine grid one sensor may be ahead of another.
  var pending: Int {
    further.isEmpty ? 1 : Int((Double(silence + longestGap) / spacing + 1).rounded(.up))
  }
  private var longestGap: Int64 { sensors.map(\.maxGap).max() ?? 0 }
}
