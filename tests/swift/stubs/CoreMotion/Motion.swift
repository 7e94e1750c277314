// How the stub behaves, which tests decide. Apple's module has nothing of this.
import Foundation

/// The sensors of a device: what is delivered goes to every manager that was asked for it and that
/// somebody still has.
public final class Motion: @unchecked Sendable {
  public static let device = Motion()

  public var hasAccelerometer = true
  public var hasDeviceMotion = true
  private let lock = NSLock()
  private var handlers: [ObjectIdentifier: Handlers] = [:]

  struct Handlers {
    var accelerometer: (OperationQueue, CMAccelerometerHandler)?
    var deviceMotion: (OperationQueue, CMDeviceMotionHandler)?
  }

  /// How many managers read a sensor.
  public var running: Int { locked { handlers.count } }

  public func deliver(seconds: Double, x: Double, y: Double, z: Double) {
    let data = Reading(seconds, CMAcceleration(x: x, y: y, z: z))
    for (queue, handler) in locked({ handlers.values.compactMap(\.accelerometer) }) {
      run(queue) { handler(data, nil) }
    }
  }

  public func deliverMotion(seconds: Double, rotation: Double) {
    let data = Fused(seconds, CMRotationRate(x: rotation, y: 0, z: 0))
    for (queue, handler) in locked({ handlers.values.compactMap(\.deviceMotion) }) {
      run(queue) { handler(data, nil) }
    }
  }

  public func fail(_ error: any Error) {
    for (queue, handler) in locked({ handlers.values.compactMap(\.accelerometer) }) {
      run(queue) { handler(nil, error) }
    }
  }

  func change(_ manager: CMMotionManager, _ change: (inout Handlers) -> Void) {
    locked {
      var mine = handlers[ObjectIdentifier(manager)] ?? Handlers()
      change(&mine)
      let idle = mine.accelerometer == nil && mine.deviceMotion == nil
      handlers[ObjectIdentifier(manager)] = idle ? nil : mine
    }
  }

  func forget(_ manager: CMMotionManager) {
    locked { handlers[ObjectIdentifier(manager)] = nil }
  }

  private func locked<Value>(_ body: () -> Value) -> Value {
    lock.lock()
    defer { lock.unlock() }
    return body()
  }

  private struct Call: @unchecked Sendable {
    let body: () -> Void
  }

  private func run(_ queue: OperationQueue, _ body: @escaping () -> Void) {
    let call = Call(body: body)
    queue.addOperations([BlockOperation { call.body() }], waitUntilFinished: true)
  }

  private final class Reading: CMAccelerometerData {
    let seconds: Double
    let value: CMAcceleration
    init(_ seconds: Double, _ value: CMAcceleration) {
      (self.seconds, self.value) = (seconds, value)
    }
    override var timestamp: TimeInterval { seconds }
    override var acceleration: CMAcceleration { value }
  }

  private final class Fused: CMDeviceMotion {
    let seconds: Double
    let rate: CMRotationRate
    init(_ seconds: Double, _ rate: CMRotationRate) {
      (self.seconds, self.rate) = (seconds, rate)
    }
    override var timestamp: TimeInterval { seconds }
    override var rotationRate: CMRotationRate { rate }
  }
}
