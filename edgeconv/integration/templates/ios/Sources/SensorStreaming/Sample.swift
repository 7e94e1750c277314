/// What a sensor of a phone measures.
public enum SensorKind: String, Sendable, Equatable, CaseIterable {
  /// Gravity included.
  case accelerometer
  case gyroscope
  /// Gravity removed by the phone itself.
  case linearAcceleration = "linear-acceleration"
  /// As the phone itself tells it.
  case gravity
}

/// One reading of a sensor, in its own unit and sign.
public struct Sample: Sendable, Equatable {
  /// Nanoseconds from any origin, such as the phone's start.
  public var nanoseconds: Int64
  public var x: Double
  public var y: Double
  public var z: Double
  /// Which sensor it is of.
  public var sensor: SensorKind

  /// Creates a reading from a time in nanoseconds, by default of the first sensor that the model
  /// takes.
  public init(
    nanoseconds: Int64, x: Double, y: Double, z: Double,
    sensor: SensorKind = Contract.sensors[0].kind
  ) {
    self.nanoseconds = nanoseconds
    self.x = x
    self.y = y
    self.z = z
    self.sensor = sensor
  }

  /// Creates a reading from a time in seconds, as Core Motion gives it.
  ///
  /// - Returns: `nil` where the time is not a number that nanoseconds can hold.
  public init?(
    seconds: Double, x: Double, y: Double, z: Double,
    sensor: SensorKind = Contract.sensors[0].kind
  ) {
    guard let nanoseconds = Int64(exactly: (seconds * 1e9).rounded()) else { return nil }
    self.init(nanoseconds: nanoseconds, x: x, y: y, z: z, sensor: sensor)
  }

  var values: SIMD3<Double> { SIMD3(x, y, z) }
}
