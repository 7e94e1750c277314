// swift-tools-version: 6.0
// The generated packages and the sample app, built once with stub modules in place of Apple's, so
// that what is under canImport is compiled and run. tests/packages/test_ios.py lays out the folders.
import Foundation
import PackageDescription

let modules: [Target.Dependency] = ["CoreAI", "CoreML", "CoreMotion", "CryptoKit", "os"]

func stub(_ name: String) -> Target {
  // As Apple's modules: Swift checks at run time who calls a closure that was given to one.
  .target(name: name, path: "stubs/\(name)", swiftSettings: [.swiftLanguageMode(.v5)])
}

/// Whatever the package has, copied as it is: Xcode would have compiled the model.
func resources(of target: String) throws -> [Resource] {
  let folder = "\(Context.packageDirectory)/\(target)/Resources"
  return try FileManager.default.contentsOfDirectory(atPath: folder).map {
    .copy("Resources/\($0)")
  }
}

let package = Package(
  name: "Adapters",
  targets: [
    stub("CoreAI"), stub("CoreML"), stub("CoreMotion"), stub("CryptoKit"), stub("os"),
    .target(name: "SensorStreaming", path: "package/Sources/SensorStreaming"),
    .target(
      name: "SensorRecognition", dependencies: ["SensorStreaming"] + modules,
      path: "package/Sources/SensorRecognition",
      resources: try resources(of: "package/Sources/SensorRecognition")),
    .target(
      name: "ModelPrediction", dependencies: modules, path: "model/Sources/ModelPrediction",
      resources: try resources(of: "model/Sources/ModelPrediction")),
    .target(
      name: "LiveActivity", dependencies: ["SensorRecognition", "SensorStreaming"],
      path: "app"),
    .testTarget(
      name: "SensorRecognitionTests",
      dependencies: ["SensorRecognition", "SensorStreaming"] + modules,
      path: "package/Tests/SensorRecognitionTests",
      resources: try resources(of: "package/Tests/SensorRecognitionTests")),
    .testTarget(
      name: "ModelPredictionTests", dependencies: ["ModelPrediction"] + modules,
      path: "model/Tests/ModelPredictionTests",
      exclude: ["ModelTests.swift"],  // the stub answers for the other model
      resources: [.copy("Resources/golden.json")]),
    .testTarget(
      name: "AdapterTests",
      dependencies: ["SensorRecognition", "SensorStreaming", "ModelPrediction", "LiveActivity"]
        + modules,
      path: "AdapterTests",
      // Debian's build of the Observation library lacks a symbol that nothing here calls.
      linkerSettings: [.unsafeFlags(["-Xlinker", "--allow-shlib-undefined"])]),
  ],
  swiftLanguageModes: [.v6]
)
