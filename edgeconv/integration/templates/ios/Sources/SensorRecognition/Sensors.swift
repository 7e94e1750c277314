#if canImport(CoreMotion)
  import CoreMotion
  import Foundation
  import SensorStreaming

  /// The device's sensors that the model takes, as one sequence of samples.
  ///
  /// Accelerations are in g. `accelerometer` is `CMAccelerometerData`, gravity included; everything
  /// else is of `CMDeviceMotion`: the rotation rate in rad/s with its bias taken out, and gravity
  /// and the user's acceleration as Core Motion tells them apart. None of them may be used in place
  /// of another. All have the device's one clock.
  @MainActor
  public final class Sensors {
    /// Apple asks for one manager an app: give it to whatever else reads sensors.
    public static let manager = CMMotionManager()

    private let manager: CMMotionManager
    private let kinds = Contract.sensors.map(\.kind)

    /// - Parameter manager: the app's own, where it has one.
    public init(manager: CMMotionManager? = nil) {
      self.manager = manager ?? Self.manager
    }

    /// What the model takes and this device has not; simulators have nothing.
    public var missing: [SensorKind] {
      kinds.filter { kind in
        kind == .accelerometer
          ? !manager.isAccelerometerAvailable : !manager.isDeviceMotionAvailable
      }
    }

    /// Whether this device has all sensors that the model takes.
    public var isAvailable: Bool { missing.isEmpty }

    /// Readings from now on, until the task that reads them ends: that stops the sensors.
    ///
    /// A manager has one reader. Asking again ends the sequence that was given before.
    ///
    /// - Parameter settings: those of the stream that takes the samples: its rates are what the
    ///   system is asked for. It delivers about that.
    /// - Throws: ``RecognitionError/noAccelerometer`` or ``RecognitionError/noSensor(_:)``; the
    ///   sequence itself throws ``RecognitionError/sensorFailed(_:)``.
    public func samples(
      for settings: StreamSettings
    ) throws -> AsyncThrowingStream<Sample, any Error> {
      if let kind = missing.first { throw RecognitionError.lack(of: kind) }
      let hertz = settings.sensors.map(\.sensorHz).max() ?? settings.sensorHz
      // A reader that falls behind by this much gets a gap, which restarts the stream.
      let seconds = 10.0
      let (stream, continuation) = AsyncThrowingStream.makeStream(
        of: Sample.self,
        bufferingPolicy: .bufferingNewest(Int(seconds * hertz) * settings.sensors.count))
      let reading = Reading(of: manager, to: continuation)
      reading.start(settings)
      return stream
    }
  }

  /// The sensors of a model that takes an accelerometer and nothing else.
  public typealias Accelerometer = Sensors

  /// One run of a manager's sensors. It keeps the manager, and whoever reads the samples keeps it.
  @MainActor
  private final class Reading {
    typealias Continuation = AsyncThrowingStream<Sample, any Error>.Continuation

    /// The present run of each manager: only that one may stop it.
    private static var current: [ObjectIdentifier: Reading] = [:]

    private let manager: CMMotionManager
    private let continuation: Continuation

    init(of manager: CMMotionManager, to continuation: Continuation) {
      self.manager = manager
      self.continuation = continuation
    }

    func start(_ settings: StreamSettings) {
      let before = Self.current.updateValue(self, forKey: ObjectIdentifier(manager))
      before?.continuation.finish()
      continuation.onTermination = { _ in
        Task { @MainActor in self.stop() }
      }
      let queue = OperationQueue()
      queue.maxConcurrentOperationCount = 1
      if let sensor = settings.sensors.first(where: { $0.kind == .accelerometer }) {
        manager.accelerometerUpdateInterval = 1 / sensor.sensorHz
        manager.startAccelerometerUpdates(to: queue, withHandler: Self.accelerometer(continuation))
      }
      let fused = settings.sensors.filter { $0.kind != .accelerometer }
      if let hertz = fused.map(\.sensorHz).max() {
        manager.deviceMotionUpdateInterval = 1 / hertz
        manager.startDeviceMotionUpdates(
          to: queue, withHandler: Self.deviceMotion(fused.map(\.kind), continuation))
      }
      Log.note("sensors are read: \(settings.sensors.map(\.kind.rawValue))")
    }

    /// Nothing, where another run has begun: it would be stopped in its place.
    private func stop() {
      guard Self.current[ObjectIdentifier(manager)] === self else { return }
      Self.current[ObjectIdentifier(manager)] = nil
      manager.stopAccelerometerUpdates()
      manager.stopDeviceMotionUpdates()
      Log.note("sensors are no longer read")
    }

    // Core Motion calls these on the queue, never on the main actor: a closure that was written in
    // one of its methods would belong to it, and Swift 6 ends an app that calls it elsewhere.

    private nonisolated static func accelerometer(
      _ continuation: Continuation
    ) -> CMAccelerometerHandler {
      { data, error in
        guard let data else { return fail(error, continuation) }
        let g = data.acceleration
        let sample = Sample(
          seconds: data.timestamp, x: g.x, y: g.y, z: g.z, sensor: .accelerometer)
        if let sample { continuation.yield(sample) }
      }
    }

    private nonisolated static func deviceMotion(
      _ kinds: [SensorKind], _ continuation: Continuation
    ) -> CMDeviceMotionHandler {
      { data, error in
        guard let data else { return fail(error, continuation) }
        for kind in kinds {
          if let sample = sample(of: kind, in: data) { continuation.yield(sample) }
        }
      }
    }

    private nonisolated static func fail(_ error: (any Error)?, _ continuation: Continuation) {
      guard let error else { return }
      Log.note("the sensors failed: \(error)")
      let denials = [105, 111]  // CMErrorMotionActivityNotAuthorized, CMErrorNotAuthorized
      let failure = error as NSError
      let isDenied = failure.domain == CMErrorDomain && denials.contains(failure.code)
      continuation.finish(
        throwing: isDenied ? .denied : RecognitionError.sensorFailed(error.localizedDescription))
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
#endif
