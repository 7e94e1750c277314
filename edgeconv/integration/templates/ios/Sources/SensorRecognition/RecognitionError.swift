import Foundation
import SensorStreaming

/// Why nothing can be recognized.
public enum RecognitionError: Error, Equatable, LocalizedError {
  case noAccelerometer
  /// Another sensor that the model takes.
  case noSensor(SensorKind)
  /// Core Motion gave up, as where access was denied; what it said.
  case sensorFailed(String)
  /// The system does not let the app read them.
  case denied
  case noModel(String)
  /// `selftest.json` is missing or not one.
  case noSelfTest(String)
  /// No compute unit answers as it must on this device: the app has no model.
  case noUnitPassed(SelfTestRecord)
  case wrongModel(String)
  /// The model's file has no output for this class.
  case wrongOutput(String)

  public var errorDescription: String? {
    switch self {
    case .noAccelerometer:
      "This device has no accelerometer; a simulator has none."
    case .noSensor(let kind):
      "This device has no \(kind.rawValue.replacingOccurrences(of: "-", with: " "))."
    case .sensorFailed(let reason):
      "The device's sensors failed: \(reason)"
    case .denied:
      "The app may not read the device's motion sensors."
    case .noSelfTest(let reason):
      "The model's self-test cannot be read: \(reason)."
    case .noUnitPassed(let record):
      "The model is not right on this device: "
        + record.results.map { "\($0.unit): \($0.reason)" }.joined(separator: "; ")
    case .noModel(let name):
      "The model \(name) is not in the app. Xcode compiles it; `swift build` alone does not."
    case .wrongModel(let difference):
      "The model does not fit the contract that this package was made for: \(difference)."
    case .wrongOutput(let name):
      "The model gave no probability for \(name)."
    }
  }

  /// That this device lacks a sensor.
  static func lack(of kind: SensorKind) -> RecognitionError {
    kind == .accelerometer ? .noAccelerometer : .noSensor(kind)
  }
}
