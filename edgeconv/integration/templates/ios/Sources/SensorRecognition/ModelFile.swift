import Foundation
import SensorStreaming

/// A file of the model, and what it must answer.
struct ModelFile: Sendable {
  /// `nil` for the one that is in the app.
  let url: URL?
  let sha256: String
  let test: SelfTest

  /// The app's own file for this system, with the self-test that came with it.
  ///
  /// - Throws: ``RecognitionError/noSelfTest(_:)``.
  static func packaged(_ runtime: Runtime = .coreML) throws -> ModelFile {
    let name = runtime.isCoreAI ? "selftest-coreai" : "selftest"
    guard let url = Bundle.module.url(forResource: name, withExtension: "json"),
      let data = try? Data(contentsOf: url)
    else {
      throw RecognitionError.noSelfTest("\(name).json is not in the app")
    }
    let test = try SelfTest(data)
    return ModelFile(url: nil, sha256: test.artifact.sha256, test: test)
  }
}

/// What the platform says of the device.
enum Device {
  static var system: String {
    let version = ProcessInfo.processInfo.operatingSystemVersion
    let numbers = "\(version.majorVersion).\(version.minorVersion)"
    let patch = version.patchVersion == 0 ? "" : ".\(version.patchVersion)"
    #if os(iOS)
      let name = "iOS"
    #elseif os(watchOS)
      let name = "watchOS"
    #elseif os(macOS)
      let name = "macOS"
    #else
      let name = "system"
    #endif
    return "\(name) \(numbers)\(patch)"
  }

  /// Such as `iPhone17,1`.
  static var model: String {
    var about = utsname()
    uname(&about)
    return withUnsafeBytes(of: about.machine) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
