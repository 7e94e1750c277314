// The part of Apple's Core Motion that the package uses, so that it is really compiled where that
// is not. tests/packages/test_stubs.py compares the names with declarations made from Apple's
// headers.
import Foundation

// swift-format-ignore: AlwaysUseLowerCamelCase
public let CMErrorDomain = "CMErrorDomain"

public struct CMAcceleration {
  public var x: Double
  public var y: Double
  public var z: Double
}

open class CMLogItem: NSObject {
  open var timestamp: TimeInterval { 0 }
}

open class CMAccelerometerData: CMLogItem {
  open var acceleration: CMAcceleration { CMAcceleration(x: 0, y: 0, z: 0) }
}

public typealias CMAccelerometerHandler = (CMAccelerometerData?, (any Error)?) -> Void

public struct CMRotationRate {
  public var x: Double
  public var y: Double
  public var z: Double
}

open class CMDeviceMotion: CMLogItem {
  open var rotationRate: CMRotationRate { CMRotationRate(x: 0, y: 0, z: 0) }
  open var gravity: CMAcceleration { CMAcceleration(x: 0, y: 0, z: 0) }
  open var userAcceleration: CMAcceleration { CMAcceleration(x: 0, y: 0, z: 0) }
}

public typealias CMDeviceMotionHandler = (CMDeviceMotion?, (any Error)?) -> Void

open class CMMotionManager: NSObject {
  open var accelerometerUpdateInterval: TimeInterval = 0
  open var isAccelerometerAvailable: Bool { Motion.device.hasAccelerometer }
  open func startAccelerometerUpdates(
    to queue: OperationQueue, withHandler handler: @escaping CMAccelerometerHandler
  ) {
    Motion.device.change(self) { $0.accelerometer = (queue, handler) }
  }
  open func stopAccelerometerUpdates() { Motion.device.change(self) { $0.accelerometer = nil } }
  open var deviceMotionUpdateInterval: TimeInterval = 0
  open var isDeviceMotionAvailable: Bool { Motion.device.hasDeviceMotion }
  open func startDeviceMotionUpdates(
    to queue: OperationQueue, withHandler handler: @escaping CMDeviceMotionHandler
  ) {
    Motion.device.change(self) { $0.deviceMotion = (queue, handler) }
  }
  open func stopDeviceMotionUpdates() { Motion.device.change(self) { $0.deviceMotion = nil } }
  // A manager that is released stops, as Apple's does.
  deinit { Motion.device.forget(self) }
}
