#if canImport(CoreMotion)
  import CoreMotion
  import Foundation
  import SensorStreaming

  /// The phone's sensors that the model takes, as one sequence of samples.
  ///
  /// Accelerations are in g. `accelerometer` is `CMAccelerometerData`, gravity included; everything
  /// else is of `CMDeviceMotion`: the rotation rate in rad/s with its bias taken out, and gravity
  /// and the user's acceleration as Core Motion tells them apart. None of them may be used in place
  /// of another. All have the phone's one clock.
  @MainActor
  public final class Sensors {
    private let manager = CMMotionManager()
    private let kinds = Contract.sensors.map(\.kind)

    public init() {}

    /// What the model takes and this device has not; simulators have nothing.
    public var missing: [SensorKind] {
      kinds.filter { kind in
        kind == .accelerometer
          ? !manager.isAccelerometerAvailable : !manager.isDeviceMotionAvailable
      }
    }

    /// Whether this device has all sensors that the model takes.
    public var isAvailable: Bool { missing.isEmpty }

    /// Readings from now on, until the task that reads them ends.
    ///
    /// - Parameter hertz: what the system is asked for; it delivers about that.
    /// - Throws: ``RecognitionError/noAccelerometer`` or ``RecognitionError/noSensor(_:)``.
    public func samples(hertz: Double = Contract.sensorHz) throws -> AsyncStream<Sample> {
      if let kind = missing.first { throw RecognitionError.lack(of: kind) }
      let queue = OperationQueue()
      queue.maxConcurrentOperationCount = 1
      // A reader that falls behind by this much gets a gap, which restarts the stream.
      let seconds = 10.0
      let (stream, continuation) = AsyncStream.makeStream(
        of: Sample.self, bufferingPolicy: .bufferingNewest(Int(seconds * hertz) * kinds.count))
      continuation.onTermination = { [weak self] _ in
        Task { @MainActor in self?.stop() }
      }
      if kinds.contains(.accelerometer) {
        manager.accelerometerUpdateInterval = 1 / hertz
        manager.startAccelerometerUpdates(to: queue) { data, _ in
          guard let data else { return }
          let g = data.acceleration
          if let sample = Sample(
            seconds: data.timestamp, x: g.x, y: g.y, z: g.z, sensor: .accelerometer)
          {
            continuation.yield(sample)
          }
        }
      }
      let fused = kinds.filter { $0 != .accelerometer }
      if !fused.isEmpty {
        manager.deviceMotionUpdateInterval = 1 / hertz
        manager.startDeviceMotionUpdates(to: queue) { data, _ in
          guard let data else { return }
          for kind in fused {
            if let sample = Self.sample(of: kind, in: data) { continuation.yield(sample) }
          }
        }
      }
      return stream
    }

    private func stop() {
      manager.stopAccelerometerUpdates()
      manager.stopDeviceMotionUpdates()
    }

    private nonisolated static func sample(
      of kind: SensorKind, in motion: CMDeviceMotion
    ) -> Sample? {
      let time = motion.timestamp
      switch kind {
      case .accelerometer:
        return nil
      case .gyroscope:
        let rate = motion.rotationRate
        return Sample(seconds: time, x: rate.x, y: rate.y, z: rate.z, sensor: kind)
      case .linearAcceleration:
        let g = motion.userAcceleration
        return Sample(seconds: time, x: g.x, y: g.y, z: g.z, sensor: kind)
      case .gravity:
        let g = motion.gravity
        return Sample(seconds: time, x: g.x, y: g.y, z: g.z, sensor: kind)
      }
    }
  }

  /// The sensors of a model that takes an accelerometer and nothing else.
  public typealias Accelerometer = Sensors
#endif
