#if canImport(CoreMotion)
  import CoreMotion
  import Foundation
  import SensorStreaming

  /// The phone's accelerometer as a sequence of samples: g, gravity included.
  ///
  /// These are `CMAccelerometerData`, which the model was trained for. The user acceleration of
  /// device motion has no gravity in it and must not be used instead.
  @MainActor
  public final class Accelerometer {
    private let manager = CMMotionManager()

    public init() {}

    /// Whether this device has an accelerometer; simulators have none.
    public var isAvailable: Bool { manager.isAccelerometerAvailable }

    /// Readings from now on, until the task that reads them ends.
    ///
    /// - Parameter hertz: what the system is asked for; it delivers about that.
    /// - Throws: ``RecognitionError/noAccelerometer``.
    public func samples(hertz: Double = Contract.sensorHz) throws -> AsyncStream<Sample> {
      guard isAvailable else { throw RecognitionError.noAccelerometer }
      manager.accelerometerUpdateInterval = 1 / hertz
      let queue = OperationQueue()
      queue.maxConcurrentOperationCount = 1
      // A reader that falls behind by this much gets a gap, which restarts the stream.
      let seconds = 10.0
      let (stream, continuation) = AsyncStream.makeStream(
        of: Sample.self, bufferingPolicy: .bufferingNewest(Int(seconds * hertz)))
      continuation.onTermination = { [weak self] _ in
        Task { @MainActor in self?.manager.stopAccelerometerUpdates() }
      }
      manager.startAccelerometerUpdates(to: queue) { data, _ in
        guard let data else { return }
        let g = data.acceleration
        if let sample = Sample(seconds: data.timestamp, x: g.x, y: g.y, z: g.z) {
          continuation.yield(sample)
        }
      }
      return stream
    }
  }
#endif
