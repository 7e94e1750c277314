#if canImport(CoreML)
  import CoreML
  import Foundation
  import SensorStreaming

  extension Classifier {
    /// Opens the model of this package, which Xcode has compiled, without any test of this device:
    /// apps open a ``ProvenModel``.
    ///
    /// - Throws: ``RecognitionError/noModel(_:)``, ``RecognitionError/wrongModel(_:)`` where the
    ///   file's own contract is another one, or the system's error.
    public static func packaged(
      computeUnits: ComputeUnits = .cpuOnly, runtime: Runtime = .newest
    ) async throws -> Classifier {
      Classifier(engine: try await openPackaged(computeUnits, runtime))
    }
  }

  extension ProvenModel {
    /// - Parameters:
    ///   - units: those that the app allows; the first is the fallback, and the CPU.
    ///   - runtime: of the app's own model; updates run on Core ML.
    ///   - folder: where records, updates and what is compiled of them are kept; by default in
    ///     Application Support, below ``Contract/name``, and not part of backups.
    ///   - appVersion: by default that of the app's bundle.
    /// - Throws: ``RecognitionError/noSelfTest(_:)``, or what the file system says.
    public init(
      units: [ComputeUnits] = [.cpuOnly], runtime: Runtime = .newest, folder: URL? = nil,
      appVersion: String? = nil
    ) throws {
      let home = try folder ?? Self.home()
      let compiledModels = home.appendingPathComponent("compiled")
      let version = Bundle.main.infoDictionary?["CFBundleShortVersionString"] as? String
      try self.init(
        units: units.map(\.rawValue), folder: home, appVersion: appVersion ?? version ?? "",
        own: .packaged(runtime)
      ) { file, unit in
        let computeUnits = ComputeUnits(rawValue: unit) ?? .cpuOnly
        guard let url = file.url else { return try await openPackaged(computeUnits, runtime) }
        return try await openUpdate(url, file.sha256, computeUnits, keptIn: compiledModels)
      }
    }

    private static func home() throws -> URL {
      var home = try FileManager.default.url(
        for: .applicationSupportDirectory, in: .userDomainMask, appropriateFor: nil, create: true
      ).appendingPathComponent("edgeconv").appendingPathComponent(Contract.name)
      try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
      var values = URLResourceValues()
      values.isExcludedFromBackup = true
      try home.setResourceValues(values)
      return home
    }
  }

  private func openPackaged(
    _ computeUnits: ComputeUnits, _ runtime: Runtime
  ) async throws -> any Engine {
    #if canImport(CoreAI)
      if #available(iOS 27, macOS 27, watchOS 27, tvOS 27, visionOS 27, *), runtime.isCoreAI,
        let url = runtime.coreAIFile
      {
        return try await CoreAIEngine(contentsOf: url, computeUnits: computeUnits)
      }
    #endif
    guard let url = Bundle.module.url(forResource: Contract.model, withExtension: "mlmodelc") else {
      throw RecognitionError.noModel(Contract.model)
    }
    return try await CoreMLEngine.open(url, computeUnits: computeUnits)
  }

  /// A file that was not in the app. What is compiled of it is kept: that takes far longer than to
  /// open it.
  private func openUpdate(
    _ url: URL, _ sha256: String, _ computeUnits: ComputeUnits, keptIn folder: URL
  ) async throws -> any Engine {
    #if os(watchOS)
      throw RecognitionError.noModel("\(url.lastPathComponent): a watch compiles no model")
    #else
      let models = KeptModels(folder: folder)
      let compiled = try await models.compiled(url, sha256: sha256)
      do {
        return try await CoreMLEngine.open(compiled, computeUnits: computeUnits)
      } catch let error as RecognitionError {
        throw error  // another model: compiling it again helps nothing
      } catch {
        Log.note("\(compiled.lastPathComponent) does not open and is compiled again: \(error)")
        try models.remove(compiled)
        let again = try await models.compiled(url, sha256: sha256)
        return try await CoreMLEngine.open(again, computeUnits: computeUnits)
      }
    #endif
  }

  #if !os(watchOS)
    /// Models that were compiled on this device, each in a folder that is named after its file's
    /// digest and the version of the system.
    struct KeptModels {
      let folder: URL

      /// The compiled model of a file; compiled now where it is not there yet.
      func compiled(_ package: URL, sha256: String) async throws -> URL {
        let place = folder.appendingPathComponent("\(sha256)-\(Self.system).mlmodelc")
        if FileManager.default.fileExists(atPath: place.path) { return place }
        let fresh = try await MLModel.compileModel(at: package)
        defer { try? FileManager.default.removeItem(at: fresh) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        do {
          try FileManager.default.moveItem(at: fresh, to: place)
        } catch {
          // Another task may have been faster; its result is the same.
          guard FileManager.default.fileExists(atPath: place.path) else { throw error }
        }
        try removeAll(of: sha256, but: place)
        return place
      }

      func remove(_ compiled: URL) throws {
        try FileManager.default.removeItem(at: compiled)
      }

      /// What an earlier version of the system compiled from the same file.
      private func removeAll(of sha256: String, but place: URL) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        for name in names where name.hasPrefix(sha256) && name != place.lastPathComponent {
          try FileManager.default.removeItem(at: folder.appendingPathComponent(name))
        }
      }

      private static var system: String {
        let version = ProcessInfo.processInfo.operatingSystemVersion
        return "\(version.majorVersion).\(version.minorVersion).\(version.patchVersion)"
      }
    }
  #endif
#endif
