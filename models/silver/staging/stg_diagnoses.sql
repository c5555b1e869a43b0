{{ stage('diagnoses') }}
